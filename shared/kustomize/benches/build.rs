//! How long a build takes, by criterion: `cargo bench -p kustomize`. Beside kustomize itself: `cargo xtask bench render`.

mod workloads;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kustomize::{MemoryTree, Options, build, yaml};

fn bench(criterion: &mut Criterion) {
    for name in ["overlay", "fleet", "4000", "crds"] {
        one(criterion, "build", name);
    }
}

fn curve(criterion: &mut Criterion) {
    for name in ["100", "200", "500", "1000", "2000", "5000", "10000"] {
        one(criterion, "objects", name);
    }
}

/// All builds of a workload, each to the text of its objects.
fn one(criterion: &mut Criterion, group: &str, name: &str) {
    let workload = workloads::named(name).expect("the names above are workloads");
    let tree = MemoryTree::new(&workload.files);
    let mut group = criterion.benchmark_group(group);
    group.sample_size(10).throughput(Throughput::Elements(workload.builds.len() as u64));
    group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
        bencher.iter(|| {
            let mut bytes = 0;
            for path in &workload.builds {
                let built = build(&tree, path, &Options::default()).expect("a workload builds");
                bytes += built.objects.iter().map(|object| yaml::emit(&object.value).len()).sum::<usize>();
            }
            bytes
        });
    });
    group.finish();
}

criterion_group!(all, bench, curve);
criterion_main!(all);
