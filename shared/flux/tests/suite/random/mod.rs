//! Random objects of every kind that client-go knows, and random Kustomizations of them, normalised and rendered by the
//! crate and by Flux's packages. `PREFLUX_FLUX_CASES` and `PREFLUX_FLUX_SEED` choose how many and which.

mod objects;
mod specs;

use flux::{Kustomization, Options, Variables, normalise, render};
use kustomize::MemoryTree;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::oracle::{Random, ask};
use objects::Kinds;

/// Objects, some 20 seconds' worth in a debug build.
const CASES: usize = 3000;
/// How many questions an oracle is asked at a time.
const BATCH: usize = 500;

fn setting(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// A seed that xorshift can begin with.
fn seeded(by: usize) -> Random {
    Random(
        u64::try_from(setting("PREFLUX_FLUX_SEED", 1) + by).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
    )
}

#[test]
fn random_objects_normalise_as_flux_does() {
    let (kinds, mut random) = (Kinds::load(), seeded(0));
    let (mut wrong, mut good, mut fits) = (Vec::new(), 0, 0);
    for _ in 0..setting("PREFLUX_FLUX_CASES", CASES).div_ceil(BATCH) {
        let given: Vec<Value> = (0..BATCH).map(|_| kinds.object(&mut random)).collect();
        let questions: Vec<Value> = given.iter().map(|o| json!({"op": "normalise", "object": o})).collect();
        let Some(answers) = ask("random_objects_normalise_as_flux_does", &questions) else { return };
        assert_eq!(answers.len(), given.len(), "the oracle died");
        for (object, answer) in given.iter().zip(&answers) {
            let mut ours = object.clone();
            let done = normalise(&mut ours);
            let expected = answer["objects"].get(0);
            good += usize::from(expected.is_some());
            fits += usize::from(done.as_ref().is_ok_and(|done| !done.unknown.is_empty()));
            if done.is_ok().then_some(&ours) != expected {
                wrong.push(format!("{object}\nours   {ours}\ntheirs {answer}"));
            }
        }
    }
    wrong.sort_by_key(String::len);
    let shown = wrong.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} objects differ:\n{shown}", wrong.len());
    assert!(good > CASES / 100 && fits > 5, "{good} are normalised, {fits} lose fields");
}

#[test]
fn random_kustomizations_render_as_flux_does() {
    let (kinds, mut random) = (Kinds::load(), seeded(1));
    let count = setting("PREFLUX_FLUX_CASES", CASES) / 50;
    let questions: Vec<Value> = (0..count).map(|_| specs::question(&kinds, &mut random)).collect();
    let Some(answers) = ask("random_kustomizations_render_as_flux_does", &questions) else { return };
    assert_eq!(answers.len(), questions.len(), "the oracle died");
    let mut wrong: Vec<String> = Vec::new();
    for (question, answer) in questions.iter().zip(&answers) {
        let ours = rendered(question);
        let expected = answer["digest"].as_str().map(|digest| {
            let objects = answer["objects"].as_array().cloned().unwrap_or_default();
            (digest.to_owned(), objects)
        });
        if ours.as_ref().ok() != expected.as_ref() {
            wrong.push(format!("{question}\nours   {ours:?}\ntheirs {answer}"));
        }
    }
    wrong.sort_by_key(String::len);
    let shown = wrong.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} of {count} Kustomizations differ:\n{shown}", wrong.len());
    let good = answers.iter().filter(|answer| answer["error"].is_null()).count();
    assert!(good > count / 3, "{good} of {count} render");
}

/// Digest and objects of a question.
fn rendered(question: &Value) -> Result<(String, Vec<Value>), String> {
    let files = question["files"].as_object().unwrap().iter();
    let tree = MemoryTree::new(files.map(|(path, text)| (path.clone(), text.as_str().unwrap())));
    let kustomization =
        Kustomization::from_value(&question["kustomization"]).map_err(|error| error.to_string())?;
    let variables = Variables::of(&kustomization, &BTreeMap::new()).map_err(|error| error.to_string())?;
    render(&tree, &kustomization, &variables, &Options::default())
        .map(|rendered| (rendered.digest, rendered.objects))
        .map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string)))
}
