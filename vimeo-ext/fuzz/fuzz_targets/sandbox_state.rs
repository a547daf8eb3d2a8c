//! A sandbox state to import.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use vimeo_sandbox::Sandbox;

fn sandbox() -> &'static (Runtime, Sandbox) {
    static SANDBOX: OnceLock<(Runtime, Sandbox)> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let sandbox = runtime.block_on(Sandbox::start()).expect("a sandbox");
        (runtime, sandbox)
    })
}

fuzz_target!(|input: &[u8]| {
    let (runtime, sandbox) = sandbox();
    let _guard = runtime.enter();
    if sandbox.import_state(input).is_ok() {
        let exported = sandbox.export_state().expect("an imported state can be exported");
        sandbox.import_state(&exported).expect("an exported state can be imported");
    }
});
