//! What the fake Slack knows: people, channels, messages, files, windows that are open. Rules are in `limits` and `api`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::Clock;

/// The workspace's id.
pub const TEAM: &str = "T0ACME";
/// Another workspace, of people who are only here through Slack Connect.
pub const OTHER_TEAM: &str = "T0OTHER";
/// The app's id.
pub const APP: &str = "A0PREFLUX";
/// The app's bot user.
pub const BOT_USER: &str = "U0PREFLUX";
/// The app's bot.
pub const BOT: &str = "B0PREFLUX";
/// The channel that is there from the start, `#deploys`; the app is in it.
pub const DEPLOYS: &str = "C0DEPLOYS";
/// A channel that the app is not in, `#general`.
pub const GENERAL: &str = "C0GENERAL";
/// Alice, a member.
pub const ALICE: &str = "U0ALICE";
/// Bob, a member.
pub const BOB: &str = "U0BOB";
/// Gus, a guest of this workspace.
pub const GUEST: &str = "U0GUEST";
/// Olga, of [`OTHER_TEAM`].
pub const OUTSIDER: &str = "U0OUTSIDE";

/// A person or a bot.
#[derive(Clone, Debug, Serialize)]
pub struct User {
    /// `U…`.
    pub id: String,
    /// Handle.
    pub name: String,
    /// Name as shown.
    pub real_name: String,
    /// Home workspace.
    pub team_id: String,
    /// A bot.
    pub is_bot: bool,
    /// A multi-channel guest.
    pub is_restricted: bool,
    /// A single-channel guest.
    pub is_ultra_restricted: bool,
    /// Deactivated.
    pub deleted: bool,
}

impl User {
    /// A member of the workspace.
    pub fn member(id: &str, name: &str) -> Self {
        let mut letters = name.chars();
        let real_name = letters.next().map(|c| c.to_uppercase().chain(letters).collect()).unwrap_or_default();
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            real_name,
            team_id: TEAM.to_owned(),
            is_bot: false,
            is_restricted: false,
            is_ultra_restricted: false,
            deleted: false,
        }
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "team_id": self.team_id, "name": self.name, "deleted": self.deleted, "real_name": self.real_name,
            "profile": {"real_name": self.real_name, "display_name": self.name, "team": self.team_id}, "is_bot": self.is_bot,
            "is_restricted": self.is_restricted, "is_ultra_restricted": self.is_ultra_restricted,
            "is_stranger": self.team_id != TEAM, "is_app_user": false, "updated": 1_700_000_000,
        })
    }
}

/// A channel.
#[derive(Clone, Debug, Serialize)]
pub struct Channel {
    /// `C…`.
    pub id: String,
    /// Without `#`.
    pub name: String,
    /// Nobody can write to it.
    pub is_archived: bool,
    /// The app is in it.
    pub is_member: bool,
    /// Shared with another workspace (Slack Connect).
    pub is_ext_shared: bool,
}

impl Channel {
    /// A channel of this workspace that the app is in.
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            is_archived: false,
            is_member: true,
            is_ext_shared: false,
        }
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "name_normalized": self.name, "is_channel": true, "is_group": false, "is_im": false,
            "is_mpim": false, "is_private": false, "is_archived": self.is_archived, "is_member": self.is_member,
            "is_ext_shared": self.is_ext_shared, "is_shared": self.is_ext_shared, "is_org_shared": false,
            "context_team_id": TEAM, "created": 1_700_000_000,
        })
    }
}

/// A message, as people see it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Message {
    /// Channel id.
    pub channel: String,
    /// Its id and time, `1700000000.000100`.
    pub ts: String,
    /// The thread's first message, when in a thread; that message itself has none here.
    pub thread_ts: Option<String>,
    /// Author's user id.
    pub user: String,
    /// Plain fallback text.
    pub text: String,
    /// Block Kit blocks, with the block ids that Slack filled in.
    pub blocks: Vec<Value>,
    /// `{event_type, event_payload}`.
    pub metadata: Option<Value>,
    /// Time of the last edit.
    pub edited: Option<String>,
    /// Ids of its files.
    pub files: Vec<String>,
    /// The one person who sees it, when it is ephemeral.
    pub only_for: Option<String>,
    /// Earlier versions, oldest first: `(text, blocks)`.
    #[serde(skip)]
    pub history: Vec<(String, Vec<Value>)>,
}

/// An uploaded file.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// `F…`.
    pub id: String,
    /// File name.
    pub name: String,
    /// Title shown.
    pub title: String,
    /// Content; empty until uploaded.
    #[serde(skip)]
    pub content: Vec<u8>,
    /// Length that was announced, in bytes.
    pub length: usize,
    /// Where it was shared: channel and thread.
    pub shared: Option<(String, Option<String>)>,
    pub(crate) uploaded: bool,
}

/// A modal window that somebody has open.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// `V…`.
    pub id: String,
    /// Who sees it.
    pub user: String,
    /// The view as the app sent it.
    pub view: Value,
}

/// A note that a person saw fly by: an action failed or nobody answered in time.
#[derive(Clone, Debug, Serialize)]
pub struct Toast {
    /// Running number.
    pub id: u64,
    /// Who saw it.
    pub user: String,
    /// What it said.
    pub text: String,
}

/// A way back to the conversation, given out with each interaction.
#[derive(Clone, Debug)]
pub(crate) struct ResponseUrl {
    pub(crate) channel: String,
    pub(crate) user: String,
    /// The message that was clicked, for `replace_original`.
    pub(crate) ts: Option<String>,
    pub(crate) made_at: i64,
    pub(crate) uses: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    pub(crate) user: String,
    pub(crate) made_at: i64,
    pub(crate) used: bool,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) users: Vec<User>,
    pub(crate) channels: Vec<Channel>,
    /// Of all channels, in order of posting, ephemeral ones included.
    pub(crate) messages: Vec<Message>,
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) views: Vec<View>,
    pub(crate) toasts: Vec<Toast>,
    pub(crate) response_urls: BTreeMap<String, ResponseUrl>,
    pub(crate) triggers: BTreeMap<String, Trigger>,
    /// Times of posts by channel, Unix seconds.
    pub(crate) posts: BTreeMap<String, Vec<i64>>,
    pub(crate) post_burst: Option<u32>,
    /// Raised by every change: the page asks only for news.
    pub(crate) version: u64,
    next: u64,
}

impl State {
    pub(crate) fn new(clock: Clock, post_burst: Option<u32>) -> Self {
        let mut guest = User::member(GUEST, "gus");
        guest.is_restricted = true;
        let mut outsider = User::member(OUTSIDER, "olga");
        OTHER_TEAM.clone_into(&mut outsider.team_id);
        let mut bot = User::member(BOT_USER, "preflux");
        bot.is_bot = true;
        let mut general = Channel::new(GENERAL, "general");
        general.is_member = false;
        Self {
            clock,
            users: vec![User::member(ALICE, "alice"), User::member(BOB, "bob"), guest, outsider, bot],
            channels: vec![Channel::new(DEPLOYS, "deploys"), general],
            messages: Vec::new(),
            files: BTreeMap::new(),
            views: Vec::new(),
            toasts: Vec::new(),
            response_urls: BTreeMap::new(),
            triggers: BTreeMap::new(),
            posts: BTreeMap::new(),
            post_burst,
            version: 1,
            next: 0,
        }
    }

    /// A running number, raised by each call; it also tells the page that something changed.
    pub(crate) fn number(&mut self) -> u64 {
        self.version += 1;
        self.next += 1;
        self.next
    }

    /// A new, unique and rising `ts`.
    pub(crate) fn ts(&mut self) -> String {
        let micros = self.number() * 100;
        let seconds = self.clock.now() + i64::try_from(micros / 1_000_000).unwrap_or(0);
        format!("{seconds}.{:06}", micros % 1_000_000)
    }

    pub(crate) fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|c| c.id == id || c.name == id.trim_start_matches('#'))
    }

    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|u| u.id == id)
    }

    pub(crate) fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        self.messages.iter().find(|m| m.channel == channel && m.ts == ts)
    }

    pub(crate) fn message_mut(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.version += 1;
        self.messages.iter_mut().find(|m| m.channel == channel && m.ts == ts)
    }

    /// The messages that everybody sees in a thread, its first one included.
    pub(crate) fn thread(&self, channel: &str, ts: &str) -> Vec<Message> {
        let inside = |m: &&Message| {
            m.channel == channel && m.only_for.is_none() && (m.ts == ts || m.thread_ts.as_deref() == Some(ts))
        };
        self.messages.iter().filter(inside).cloned().collect()
    }

    pub(crate) fn toast(&mut self, user: &str, text: &str) {
        let id = self.number();
        self.toasts.push(Toast { id, user: user.to_owned(), text: text.to_owned() });
    }

    /// A message as Slack's API and interaction payloads show it.
    pub(crate) fn message_json(&self, message: &Message, with_metadata: bool) -> Value {
        let mut value = json!({
            "type": "message", "user": message.user, "ts": message.ts, "text": message.text, "team": TEAM, "blocks": message.blocks,
        });
        if message.user == BOT_USER {
            value["bot_id"] = json!(BOT);
            value["app_id"] = json!(APP);
            value["bot_profile"] =
                json!({"id": BOT, "app_id": APP, "name": "preflux", "deleted": false, "team_id": TEAM});
        }
        if let Some(ts) = &message.edited {
            value["edited"] = json!({"user": message.user, "ts": ts});
        }
        let replies: Vec<&Message> = self
            .messages
            .iter()
            .filter(|m| m.channel == message.channel && m.thread_ts.as_ref() == Some(&message.ts))
            .collect();
        if let Some(latest) = replies.last() {
            value["thread_ts"] = json!(message.ts);
            value["reply_count"] = json!(replies.len());
            value["latest_reply"] = json!(latest.ts);
        }
        if let Some(thread) = &message.thread_ts {
            value["thread_ts"] = json!(thread);
        }
        if let (true, Some(metadata)) = (with_metadata, &message.metadata) {
            value["metadata"] = metadata.clone();
        }
        if !message.files.is_empty() {
            value["files"] =
                message.files.iter().filter_map(|id| self.files.get(id)).map(file_json).collect();
        }
        value
    }
}

pub(crate) fn file_json(file: &File) -> Value {
    json!({"id": file.id, "name": file.name, "title": file.title, "size": file.length, "mimetype": "text/plain",
           "url_private": format!("/files/{}", file.id)})
}

/// Gives every block and button the ids that Slack fills in where the app gave none.
pub(crate) fn fill_ids(blocks: &mut [Value], mut number: impl FnMut() -> u64) {
    for block in blocks {
        if block.is_object() && block["block_id"].is_null() {
            block["block_id"] = json!(format!("b{:04}", number()));
        }
        let elements = match block["type"].as_str() {
            Some("actions") => block["elements"].as_array_mut().map(Vec::as_mut_slice),
            Some("section") if block["accessory"].is_object() => {
                Some(std::slice::from_mut(&mut block["accessory"]))
            }
            _ => None,
        };
        for element in elements.unwrap_or_default() {
            if element.is_object() && element["action_id"].is_null() && element["type"] != "image" {
                element["action_id"] = json!(format!("a{:04}", number()));
            }
        }
    }
}
