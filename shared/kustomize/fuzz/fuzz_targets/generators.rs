//! libFuzzer's program of the target; see the library.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| kustomize_fuzz::generators(data));
