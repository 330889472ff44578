#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    goldseal_fuzz::state::receipted(bytes);
});
