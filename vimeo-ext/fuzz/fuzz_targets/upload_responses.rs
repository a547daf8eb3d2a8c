//! The responses of a tus server, in order.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vimeo_ext::upload::fuzzing::upload_responses(input));
