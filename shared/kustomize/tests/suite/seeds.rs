//! The inputs that the fuzz targets start from, and those they found, hold without libFuzzer too.

use std::fs;
use std::path::Path;

use crate::fuzz::TARGETS;

#[test]
fn seeds_break_no_promise() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for (name, target) in TARGETS {
        assert!(folder.join("fuzz_targets").join(format!("{name}.rs")).is_file(), "`{name}` has no program");
        let mut seeds = 0;
        for seed in fs::read_dir(folder.join("seeds").join(name)).unwrap() {
            let seed = seed.unwrap().path();
            let bytes = fs::read(&seed).unwrap();
            let held = std::panic::catch_unwind(|| target(&bytes)).is_ok();
            assert!(held, "{}", seed.display());
            seeds += 1;
        }
        assert!(seeds > 0, "`{name}` has no seeds");
    }
    let folders = fs::read_dir(folder.join("seeds")).unwrap().count();
    assert_eq!(folders, TARGETS.len(), "a folder of seeds has no target");
}
