//! Each case as a test of its own: `cargo test -p conformance [FILTER]`.
//!
//! The target is our own proxy, or what the environment says: `NWS_TARGET_CMD`, `NWS_TARGET_URL` or
//! `NWS_TARGET_FILE` (README.md).

fn main() -> std::process::ExitCode {
    conformance::lan::enter_sandbox();
    conformance::harness::main()
}
