//! What one build may still do: steps of work, bytes copied and written, and the caller's clock.
//!
//! The meter belongs to the thread while [`crate::build`] runs on it, so that walks deep within the data need not carry
//! it along. Outside of a build everything is allowed.

use std::cell::{Cell, RefCell};

use crate::node::Node;
use crate::yaml::YamlError;
use crate::{Deadline, Error, ErrorKind, Limits, Options};

/// Steps between two looks at the caller's clock: well under a millisecond.
const STEPS_PER_LOOK: usize = 10_000;

/// Bytes that a node takes beside its text.
const NODE: usize = 64;

/// A bound that was reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached {
    limit: &'static str,
    value: usize,
}

impl From<Reached> for Error {
    fn from(reached: Reached) -> Self {
        ErrorKind::Limit { limit: reached.limit, value: reached.value }.into()
    }
}

impl From<Reached> for YamlError {
    fn from(reached: Reached) -> Self {
        YamlError::limit(reached.limit, reached.value)
    }
}

/// One bound and what is left of it.
struct Account {
    name: &'static str,
    limit: Cell<usize>,
    left: Cell<usize>,
}

impl Account {
    const fn unlimited(name: &'static str) -> Self {
        Account { name, limit: Cell::new(usize::MAX), left: Cell::new(usize::MAX) }
    }

    /// Opens it anew and gives what it was.
    fn open(&self, limit: usize) -> (usize, usize) {
        (self.limit.replace(limit), self.left.replace(limit))
    }

    fn restore(&self, (limit, left): (usize, usize)) {
        self.limit.set(limit);
        self.left.set(left);
    }

    fn take(&self, amount: usize) -> Result<(), Reached> {
        match self.left.get().checked_sub(amount) {
            Some(left) => {
                // Outside of a build nothing is counted.
                if self.limit.get() != usize::MAX {
                    self.left.set(left);
                }
                Ok(())
            }
            None => {
                self.left.set(0);
                Err(Reached { limit: self.name, value: self.limit.get() })
            }
        }
    }
}

struct Meter {
    steps: Account,
    copied: Account,
    output: Account,
    until_look: Cell<usize>,
    deadline: RefCell<Option<Deadline>>,
}

thread_local! {
    static METER: Meter = const {
        Meter {
            steps: Account::unlimited("steps of work"),
            copied: Account::unlimited("bytes copied"),
            output: Account::unlimited("bytes of output"),
            until_look: Cell::new(STEPS_PER_LOOK),
            deadline: RefCell::new(None),
        }
    };
}

/// A build in progress. When it ends the meter is as it was before.
pub(crate) struct Running {
    accounts: [(usize, usize); 3],
    deadline: Option<Deadline>,
}

impl Running {
    pub(crate) fn begin(options: &Options) -> Self {
        let Limits { steps, copied_bytes, output_bytes, .. } = options.limits;
        METER.with(|meter| Running {
            accounts: [
                meter.steps.open(steps),
                meter.copied.open(copied_bytes),
                meter.output.open(output_bytes),
            ],
            deadline: meter.deadline.replace(options.deadline.clone()),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        METER.with(|meter| {
            let [steps, copied, output] = self.accounts;
            meter.steps.restore(steps);
            meter.copied.restore(copied);
            meter.output.restore(output);
            meter.deadline.replace(self.deadline.take());
        });
    }
}

/// Counts steps of work, of about ten nanoseconds each.
pub(crate) fn work(steps: usize) -> Result<(), Reached> {
    METER.with(|meter| {
        meter.steps.take(steps)?;
        match meter.until_look.get().checked_sub(steps) {
            Some(left) => {
                meter.until_look.set(left);
                Ok(())
            }
            None => {
                meter.until_look.set(STEPS_PER_LOOK);
                look(meter)
            }
        }
    })
}

fn look(meter: &Meter) -> Result<(), Reached> {
    match &*meter.deadline.borrow() {
        Some(deadline) if deadline.is_over() => {
            Err(Reached { limit: "milliseconds", value: deadline.milliseconds() })
        }
        _ => Ok(()),
    }
}

/// Counts steps where nothing can fail; what comes next does.
pub(crate) fn note(steps: usize) {
    METER.with(|meter| {
        let left = meter.steps.left.get();
        if meter.steps.limit.get() != usize::MAX {
            meter.steps.left.set(left.saturating_sub(steps));
        }
    });
}

/// Counts bytes that are put into an object from elsewhere.
pub(crate) fn copy(bytes: usize) -> Result<(), Reached> {
    METER.with(|meter| meter.copied.take(bytes))
}

/// Counts a node that is put into an object from elsewhere.
pub(crate) fn copy_of(node: &Node) -> Result<(), Reached> {
    let (mut nodes, mut bytes) = (0, 0);
    let mut stack = vec![node];
    while let Some(node) = stack.pop() {
        nodes += 1;
        match node {
            Node::Scalar(scalar) => bytes += scalar.value.len(),
            Node::Map(fields) => {
                bytes += fields.iter().map(|(key, _)| key.value.len() + NODE).sum::<usize>();
                stack.extend(fields.iter().map(|(_, value)| value));
            }
            Node::Seq(items) => stack.extend(items),
        }
    }
    work(nodes)?;
    copy(bytes + nodes * NODE)
}

/// Counts bytes of YAML that an object will be printed as.
pub(crate) fn output(bytes: usize) -> Result<(), Reached> {
    METER.with(|meter| meter.output.take(bytes))
}
