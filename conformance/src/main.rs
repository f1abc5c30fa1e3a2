//! The program `conformance`.

fn main() {}
