//! Random objects: of a kind's own fields, with the values that are spelled oddly, and with some that do not fit.

use serde_json::{Map, Value, json};

use crate::oracle::Random;

const QUANTITIES: [&str; 40] = [
    "1",
    "0",
    "1000m",
    "0.5",
    "1.5Gi",
    "1024Mi",
    "1e3",
    "1E3",
    "1E",
    "100m",
    "+5",
    "-5",
    "1.500",
    "00.10",
    "5.",
    ".5",
    ".5Gi",
    "0.1n",
    "1000000k",
    "1023Ki",
    "1024Ki",
    "1536Mi",
    "9223372036854775807",
    "1Ei",
    "9223372036854775808",
    "99999999999999999999Ki",
    "1.0001Ki",
    "0.5Ki",
    "1e-3",
    "1e0",
    "-1.5Gi",
    "1u",
    "12345678901234567890m",
    "1e21",
    "1000E",
    "-",
    "Ki",
    "1_000",
    "10 Mi",
    "0x10",
];
const TIMES: [&str; 10] = [
    "2024-02-29T12:30:45Z",
    "2024-01-01T01:00:00+01:00",
    "0001-01-01T00:00:00Z",
    "2024-01-01T5:00:00Z",
    "2024-01-01T00:00:00.123456Z",
    "2024-01-01T00:00:00.1Z",
    "2024-01-01T00:00:00,5-23:59",
    "9999-12-31T23:59:59-01:00",
    "2023-02-29T00:00:00Z",
    "2024-01-01",
];
const BYTES: [&str; 9] = ["", "YQ==", "YR==", "Y\nQ=\r=", "YQ", "YQ=", "ENC[x]", "_-8=", "+/8="];
const TEXTS: [&str; 8] = ["", "a", "TCP", "é\n", "<&>", "null", "80", "a/b"];
const DIGITS: [&str; 14] = ["0", "1", "5", "9", "99", "000", "024", ".", ".5", "-", "+", "e3", "Ki", "m"];

/// The kinds of the crate's table, read anew: a line for each struct, and who begins at which line.
pub(super) struct Kinds {
    roots: Vec<(String, String, usize)>,
    structs: Vec<Vec<&'static str>>,
}

impl Kinds {
    pub(super) fn load() -> Self {
        let text = include_str!("../../../src/normalise/kinds.txt");
        let (head, structs) = text.split_once("\n\n").unwrap();
        let mut roots = Vec::new();
        for line in head.lines() {
            let mut words = line.split(' ');
            let group = words.next().unwrap().replace('*', "example.com/v1");
            for kind in words {
                // Kinds that no cluster stores are few among the others.
                match kind.split_once('=') {
                    Some((kind, number)) => {
                        roots.push((group.clone(), kind.to_owned(), number.parse().unwrap()));
                    }
                    None if roots.len() % 23 == 0 => {
                        roots.push((group.clone(), kind.trim_end_matches('-').to_owned(), usize::MAX));
                    }
                    None => {}
                }
            }
        }
        Self { roots, structs: structs.lines().map(|line| line.split(' ').collect()).collect() }
    }

    /// An object of any kind; one in three has values that do not fit.
    pub(super) fn object(&self, random: &mut Random) -> Value {
        let (group, kind, number) = &self.roots[random.below(self.roots.len())];
        let odd = random.below(3) == 0;
        let mut fields = Map::new();
        if let Some(line) = self.structs.get(*number) {
            self.fill(line, &mut fields, random, odd, 0);
        }
        let mut object = Value::Object(fields);
        object["apiVersion"] = group.as_str().into();
        object["kind"] = kind.as_str().into();
        if random.below(9) > 0 && (object["metadata"].is_object() || object["metadata"].is_null()) {
            object["metadata"]["name"] = "a".into();
        }
        object
    }

    /// A few random fields of a struct.
    fn fill(
        &self,
        line: &[&str],
        fields: &mut Map<String, Value>,
        random: &mut Random,
        odd: bool,
        depth: usize,
    ) {
        let most = [6, 6, 5, 4, 3, 2, 1][depth.min(6)];
        for field in line.iter().filter_map(|field| field.strip_prefix('<')) {
            self.fill(&self.structs[field.parse::<usize>().unwrap()], fields, random, odd, depth);
        }
        for _ in 0..=random.below(most) {
            let field = line[random.below(line.len())];
            let Some((name, kind)) = field.split_once([':', '?', '!']) else { continue };
            fields.insert(name.to_owned(), self.value(kind, random, odd, depth + 1));
        }
        // What workloads are made of is seldom met by chance alone.
        for (name, kind) in line.iter().filter_map(|field| field.split_once([':', '?', '!'])) {
            if matches!(name, "spec" | "template" | "containers" | "ports" | "jobTemplate")
                && random.below(2) == 0
            {
                fields.insert(name.to_owned(), self.value(kind, random, odd, depth.saturating_sub(2) + 1));
            }
        }
        if random.below(8) == 0 {
            fields.insert("Unknown".into(), any(random, 1));
        }
    }

    fn value(&self, kind: &str, random: &mut Random, odd: bool, depth: usize) -> Value {
        if random.below(12) == 0 {
            return Value::Null;
        }
        if odd && random.below(15) == 0 {
            return any(random, 0);
        }
        match kind.as_bytes()[0] {
            b'*' => self.value(&kind[1..], random, odd, depth),
            b'[' => (0..random.below(3)).map(|_| self.value(&kind[1..], random, odd, depth + 1)).collect(),
            b'{' => (0..random.below(3))
                .map(|i| (format!("k{i}"), self.value(&kind[1..], random, odd, depth + 1)))
                .collect::<Map<_, _>>()
                .into(),
            b's' => random.pick(&TEXTS).into(),
            b'b' => (random.below(2) == 0).into(),
            b'i' | b'l' => number(random, odd),
            b'q' => quantity(random, odd),
            b'o' if random.below(2) == 0 => random.pick(&TEXTS).into(),
            b'o' => json!(random.below(70_000)),
            b't' | b'T' => {
                random.pick(&TIMES[..if odd { 10 } else { 7 - 6 * usize::from(kind == "T") }]).into()
            }
            b'y' if odd && random.below(3) == 0 => json!([1, 255, 256, null, -1, 2.0]),
            b'y' => random.pick(&BYTES[..if odd { 9 } else { 4 }]).into(),
            b'r' => any(random, 0),
            _ => {
                let mut fields = Map::new();
                self.fill(&self.structs[kind.parse::<usize>().unwrap()], &mut fields, random, odd, depth);
                Value::Object(fields)
            }
        }
    }
}

fn number(random: &mut Random, odd: bool) -> Value {
    let all = [
        json!(0),
        json!(1),
        json!(-7),
        json!(2_147_483_648_i64),
        json!(4_294_967_297_i64),
        json!(i64::MIN),
        json!(1e3),
        json!(3.0),
        json!(1e30),
        json!(12_345_678_901_234_567_890_u64),
        json!(2.5),
        json!("1"),
        json!(true),
    ];
    all[random.below(if odd { all.len() } else { 10 })].clone()
}

fn quantity(random: &mut Random, odd: bool) -> Value {
    match random.below(4) {
        0 => [json!(1), json!(0.5), json!(1e21), json!(2.5e-7), json!(1000), json!(1_048_576)]
            [random.below(6)]
        .clone(),
        1 if odd => random.text(&DIGITS, 6).into(),
        1 => format!(
            "{}{}",
            random.text(&DIGITS[..7], 5),
            random.pick(&["", "m", "Ki", "Gi", "k", "E", "e5", "n"])
        )
        .into(),
        _ => random.pick(&QUANTITIES[..if odd { 40 } else { 34 }]).into(),
    }
}

/// Any JSON.
fn any(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth > 2 { 7 } else { 10 }) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(random.below(100)),
        3 => json!(1.5),
        4 => json!(1e21),
        5 | 6 => random.pick(&TEXTS).into(),
        7 => json!({}),
        8 => json!([any(random, depth + 1), any(random, depth + 1)]),
        _ => json!({"a": any(random, depth + 1), "name": any(random, depth + 1)}),
    }
}
