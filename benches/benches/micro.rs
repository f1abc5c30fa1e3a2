//! The pieces in time: `cargo bench -p benches`. Compare with an earlier state by criterion's
//! `--save-baseline` and `--baseline`.

use benches::pieces;
use criterion::{Criterion, criterion_group, criterion_main};

fn micro(criterion: &mut Criterion) {
    for mut piece in pieces() {
        criterion.bench_function(piece.name, |bencher| bencher.iter(|| (piece.run)()));
    }
}

criterion_group!(benches, micro);
criterion_main!(benches);
