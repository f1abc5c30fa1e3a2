//! A simulated local network.

pub mod packet;
pub mod quality;
