//! The program `conformance`.

mod cli;

fn main() -> std::process::ExitCode {
    conformance::lan::enter_sandbox();
    cli::main()
}
