//! The buttons that a rule adds to a pull request's message, filled in with what the pull request says.

use domain::{Button, ButtonDoes, PullRequest, RepoRule, event};
use report::slack::limits::{BUTTON, BUTTON_URL, BUTTON_VALUE};
use report::slack::{ExtraButton, ExtraDoes};
use serde_json::Value;
use templates::{Kind, Template};

/// A rule's buttons for one pull request. One that cannot be filled in, or that Slack would not take, is left out, and the log says why.
pub(crate) fn extra(rule: &RepoRule, pull: &PullRequest) -> Vec<ExtraButton> {
    let values = event(pull);
    let made = |button: &Button| match filled(button, &values) {
        Ok(made) => Some(made),
        Err(why) => {
            tracing::warn!(pull = %pull.key, button = button.text, "{}: a button is left out: {why}", pull.key);
            None
        }
    };
    rule.buttons.iter().filter_map(made).collect()
}

/// Fills in one button. The error is for whoever wrote it.
pub fn filled(button: &Button, values: &Value) -> Result<ExtraButton, String> {
    let text = fill(&button.text, Kind::Text, values, 4 * BUTTON)?;
    let does = match &button.does {
        ButtonDoes::Url(url) => ExtraDoes::Url(address(fill(url, Kind::Address, values, BUTTON_URL)?)?),
        ButtonDoes::Command(words) => {
            let words: Result<Vec<String>, String> =
                words.iter().map(|word| word_of(fill(word, Kind::Text, values, BUTTON_VALUE)?)).collect();
            let command = words?.join(" ");
            if command.chars().count() > BUTTON_VALUE * 9 / 10 {
                return Err(format!("its command is longer than {} characters", BUTTON_VALUE * 9 / 10));
            }
            ExtraDoes::Command(command)
        }
    };
    Ok(ExtraButton { text, style: button.style, does })
}

fn fill(text: &str, kind: Kind, values: &Value, most: usize) -> Result<String, String> {
    let filled = Template::parse(text, kind).and_then(|template| template.render(values, most));
    filled.map_err(|error| format!("`{text}`: {error}"))
}

fn address(url: String) -> Result<String, String> {
    let fine = url.starts_with("https://") && url.bytes().all(|b| b.is_ascii_graphic());
    if fine { Ok(url) } else { Err("its address does not start with https://".to_owned()) }
}

/// One word stays one word, and does not become a flag by what was filled in: commands are split at blanks.
fn word_of(word: String) -> Result<String, String> {
    if word.is_empty() || word.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("a word of its command is empty, or has a blank in it".to_owned());
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use domain::ButtonStyle;
    use serde_json::json;

    use super::*;

    fn made(does: ButtonDoes) -> Result<ExtraDoes, String> {
        let button = Button { text: "#{{ n }}".to_owned(), style: ButtonStyle::Primary, does };
        filled(&button, &json!({"n": 7, "branch": "a b", "url": "https://x/1"})).map(|button| {
            assert_eq!(button.text, "#7");
            button.does
        })
    }

    fn command(words: &[&str]) -> Result<ExtraDoes, String> {
        made(ButtonDoes::Command(words.iter().map(|word| (*word).to_owned()).collect()))
    }

    #[test]
    fn buttons_are_filled_in() {
        let url = |text: &str| made(ButtonDoes::Url(text.to_owned()));
        assert_eq!(url("https://ci/{{ branch }}"), Ok(ExtraDoes::Url("https://ci/a%20b".to_owned())));
        assert_eq!(url("{{ url | safe }}"), Ok(ExtraDoes::Url("https://x/1".to_owned())));
        assert!(url("javascript:{{ n }}").is_err_and(|e| e.contains("https://")));
        assert!(url("https://ci/{{ x }}").is_err_and(|e| e.contains("`https://ci/{{ x }}`: it names")));
        assert_eq!(
            command(&["get", "ks", "-n", "{{ n }}"]),
            Ok(ExtraDoes::Command("get ks -n 7".to_owned()))
        );
    }

    #[test]
    fn what_a_pull_request_says_is_one_word_of_a_command() {
        assert!(command(&["get", "{{ branch }}"]).is_err_and(|e| e.contains("has a blank in it")));
        assert!(command(&["get", "{{ '' }}"]).is_err_and(|e| e.contains("is empty")));
    }
}
