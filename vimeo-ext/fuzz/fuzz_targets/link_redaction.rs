//! A text that contains an upload link.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vimeo_ext::upload::fuzzing::link_redaction(input));
