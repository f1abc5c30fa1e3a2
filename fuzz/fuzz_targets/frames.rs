//! Any bytes: our decoder shows and refuses what tungstenite shows and refuses.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| proxy::fuzzing::judge(data));
