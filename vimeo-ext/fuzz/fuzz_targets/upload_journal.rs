//! A file of the upload journal.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| vimeo_ext::upload::fuzzing::journal_entry(input));
