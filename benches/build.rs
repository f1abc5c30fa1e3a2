//! Tells the program which compiler made it: instruction counts are of one compiler.

use std::process::Command;

fn main() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("cargo runs rustc as well");
    let version = String::from_utf8_lossy(&version.stdout);
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=BENCHES_COMPILER={} for {target}", version.trim());
    println!("cargo::rerun-if-changed=build.rs");
}
