//! What a role in template.yaml lets its function do with the table, held where the emulator would let it do everything.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::aws::Aws;

/// A statement about the table: actions, and the partitions that it is limited to.
#[derive(Debug, PartialEq, Eq)]
struct Statement {
    actions: Vec<String>,
    partitions: Option<Vec<String>>,
}

/// What the statements of a role's section allow.
#[derive(Debug)]
pub(super) struct Role(Vec<Statement>);

impl Role {
    /// Reads the section. Everything about DynamoDB in it has to be understood.
    pub(super) fn read(section: &str) -> Self {
        let statements = section.split("- Sid:").skip(1).filter(|text| text.contains("dynamodb:"));
        let read = |text: &str| {
            let listed = |line: &str| -> Vec<String> {
                let list = line.split_once(": ").map_or("", |(_, list)| list).trim();
                list.trim_matches(['[', ']']).split(',').map(|item| item.trim().to_owned()).collect()
            };
            let line = |name: &str| text.lines().find(|line| line.trim_start().starts_with(name));
            let actions = listed(line("Action:").expect("a statement has actions"));
            assert!(actions.iter().all(|action| action.starts_with("dynamodb:")), "{text}");
            let limited = text.contains("Condition:");
            let partitions = line("dynamodb:LeadingKeys:").map(listed);
            assert_eq!(limited, partitions.is_some(), "another condition than is known here: {text}");
            Statement { actions, partitions }
        };
        Self(statements.map(read).collect())
    }

    pub(super) fn allows(&self, action: &str, partition: &str) -> bool {
        let action = format!("dynamodb:{action}");
        self.0.iter().any(|statement| {
            let inside = |partitions: &Vec<String>| partitions.iter().any(|one| one == partition);
            statement.actions.contains(&action) && statement.partitions.as_ref().is_none_or(inside)
        })
    }
}

/// Stands before the table.
pub(super) struct Guard {
    role: Role,
    http: reqwest::Client,
    to: String,
}

impl Guard {
    /// Starts one, and gives its address.
    pub(super) async fn of(section: &str, aws: &Aws) -> String {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let guard = Self { role: Role::read(section), http, to: aws.dynamodb_url().to_owned() };
        let router = Router::new().fallback(pass).with_state(Arc::new(guard));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }
}

async fn pass(State(guard): State<Arc<Guard>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let action = target.rsplit('.').next().unwrap_or_default();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let partition = asked["Key"]["pk"]["S"].as_str().unwrap_or_default();
    if !guard.role.allows(action, partition) {
        let text = format!("User is not authorized to perform: dynamodb:{action} on `{partition}`");
        let refusal = json!({"__type": "com.amazon.coral.service#AccessDeniedException", "message": text});
        return (StatusCode::BAD_REQUEST, refusal.to_string());
    }
    let mut request = guard.http.post(&guard.to).body(body);
    for (name, value) in
        headers.iter().filter(|(name, _)| !["host", "content-length"].contains(&name.as_str()))
    {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

/// The records of people, as they are kept, and what the function that browsers reach may do with them.
#[tokio::test]
async fn who_answers_browsers_reads_who_began_and_nobodys_tokens() {
    use domain::interact::Person;
    use ports::ledger::Ledger;

    let template = std::fs::read_to_string(crate::support::root().join("template.yaml")).unwrap();
    let role = Role::read(&super::section(&template, "  InteractionsRole"));
    assert_eq!(role.0.len(), 2, "{role:?}");

    let table = Arc::new(Asked::default());
    let ledger = Ledger::new(table.clone(), Arc::new(ports::FixedClock::at(1_000)));
    let who = Person { team: "T1".to_owned(), id: "U1".to_owned(), name: "bob".to_owned() };
    ledger.begin_link(&who, "state").await.unwrap();
    // What the function does when a browser comes back.
    table.take();
    assert!(ledger.use_state("state").await.unwrap().is_some());
    let asked = table.take();
    assert!(asked.len() >= 3, "{asked:?}");
    for (action, partition) in asked {
        assert!(role.allows(action, &partition), "{action} of `{partition}`");
    }
    // What it never does.
    ledger.save_link(&who, "sealed", None, None).await.unwrap();
    table.take();
    ledger.link(&who).await.unwrap();
    let [(action, partition)] = &table.take()[..] else { panic!("one question") };
    assert!(!role.allows(action, partition), "{action} of `{partition}`");
    for other in ["pull#acme/fleet", "report", "token"] {
        assert!(!role.allows("GetItem", other), "{other}");
    }
    assert!(!role.allows("Query", "link") && !role.allows("Scan", ""));
}

/// A table that remembers what it was asked, by DynamoDB's names.
#[derive(Default)]
struct Asked {
    rows: std::sync::Mutex<std::collections::BTreeMap<ports::Key, ports::Record>>,
    asked: std::sync::Mutex<Vec<(&'static str, String)>>,
}

impl Asked {
    fn take(&self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn note(&self, action: &'static str, key: &ports::Key) {
        self.asked.lock().unwrap().push((action, key.partition.clone()));
    }
}

#[async_trait::async_trait]
impl ports::Table for Asked {
    async fn get(&self, key: &ports::Key) -> Result<Option<ports::Record>, ports::TableError> {
        self.note("GetItem", key);
        Ok(self.rows.lock().unwrap().get(key).cloned())
    }

    async fn put(
        &self,
        key: &ports::Key,
        value: &Value,
        _: ports::Expect,
        _: Option<i64>,
    ) -> Result<Option<u64>, ports::TableError> {
        self.note("UpdateItem", key);
        self.rows.lock().unwrap().insert(key.clone(), ports::Record { version: 1, value: value.clone() });
        Ok(Some(1))
    }

    async fn delete(&self, key: &ports::Key, _: ports::Expect) -> Result<bool, ports::TableError> {
        self.note("DeleteItem", key);
        Ok(self.rows.lock().unwrap().remove(key).is_some())
    }

    async fn list(&self, partition: &str) -> Result<Vec<(ports::Key, ports::Record)>, ports::TableError> {
        self.note("Query", &ports::Key::new(partition, ""));
        Ok(Vec::new())
    }
}
