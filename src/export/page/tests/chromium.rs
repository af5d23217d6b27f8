//! A headless Chromium, spoken to over the pipe of its DevTools protocol.
//! <https://chromedevtools.github.io/devtools-protocol/>: a message is JSON and ends with a zero byte.
#![expect(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    reason = "a test starts a browser and waits for it"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Time for an answer on a machine that is busy with the other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// Root needs the second; the others keep it from asking hosts of its maker.
const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// The browser; it ends when this is dropped.
pub(super) struct Chromium {
    child: Child,
    pipe: ChildStdin,
    said: Receiver<Value>,
    events: Vec<Value>,
    number: u64,
    _profile: TempDir,
}

/// What is looked at the page with.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) width: u32,
    pub(super) dark: bool,
    pub(super) script: bool,
}

impl Chromium {
    /// None where there is no Chromium.
    pub(super) fn start() -> Option<Self> {
        let profile = TempDir::new().unwrap();
        // The protocol is spoken on descriptors 3 and 4.
        let script =
            "program=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || exit 9
            exec \"$program\" \"$@\" about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut child = Command::new("/bin/sh")
            .args(["-c", script, "sh"])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", profile.path())
            .env("XDG_CONFIG_HOME", profile.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (pipe, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, said) = channel();
        thread::spawn(move || {
            for message in BufReader::new(out).split(0) {
                let Ok(message) = message else { return };
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { child, pipe, said, events: Vec::new(), number: 0, _profile: profile };
        if browser.ask(None, "Browser.getVersion", json!({})).is_none() {
            let status = browser.child.wait().unwrap();
            assert_eq!(status.code(), Some(9), "Chromium does not start: {status}");
            return None;
        }
        Some(browser)
    }

    /// Sends a command and waits for its result; none when the browser has ended.
    fn ask(&mut self, session: Option<&str>, method: &str, params: Value) -> Option<Value> {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        self.pipe.write_all(format!("{message}\0").as_bytes()).ok()?;
        loop {
            let said = self.said.recv_timeout(PATIENCE).ok()?;
            if said["id"] == json!(self.number) {
                assert!(said.get("error").is_none(), "{method}: {said}");
                return Some(said["result"].clone());
            }
            self.events.push(said);
        }
    }

    /// Opens `url` in a new tab.
    pub(super) fn open(&mut self, url: &str, view: View) -> Tab<'_> {
        self.events.clear();
        let target = self.ask(None, "Target.createTarget", json!({ "url": "about:blank" })).unwrap();
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session =
            self.ask(None, "Target.attachToTarget", attach).unwrap()["sessionId"].as_str().unwrap().to_owned();
        let target = target["targetId"].as_str().unwrap().to_owned();
        let mut tab = Tab { browser: self, session, target };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            tab.call(domain, json!({}));
        }
        let height = 900;
        tab.call(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": view.width, "height": height, "deviceScaleFactor": 1, "mobile": view.width < 500 }),
        );
        let scheme = if view.dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        tab.call("Emulation.setEmulatedMedia", json!({ "features": features }));
        tab.call("Emulation.setScriptExecutionDisabled", json!({ "value": !view.script }));
        tab.call("Page.navigate", json!({ "url": url }));
        tab.until(&format!("document.readyState == 'complete' && location.href.startsWith('{url}')"));
        tab
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.pipe.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        // Its pipe closes when it has ended.
        while self.said.recv_timeout(Duration::from_secs(10)).is_ok() {}
        let group = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// A page that is open; it is closed when this is dropped.
pub(super) struct Tab<'a> {
    browser: &'a mut Chromium,
    session: String,
    target: String,
}

impl Tab<'_> {
    fn call(&mut self, method: &str, params: Value) -> Value {
        let session = self.session.clone();
        self.browser.ask(Some(&session), method, params).expect("the browser has ended")
    }

    /// What an expression comes to; a promise is waited for.
    pub(super) fn eval(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", params);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(super) fn until(&mut self, expression: &str) {
        for _ in 0..600 {
            if self.eval(expression) == json!(true) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("it never came to be that {expression}");
    }

    /// The whole page as a picture.
    pub(super) fn picture(&mut self, path: &Path) {
        let params = json!({ "format": "png", "captureBeyondViewport": true });
        let data = self.call("Page.captureScreenshot", params);
        std::fs::write(path, decoded(data["data"].as_str().unwrap())).unwrap();
    }

    /// What the browser complained about, and every address that it asked.
    pub(super) fn complaints(&mut self) -> (Vec<String>, Vec<String>) {
        // Whatever it has to say is said before it answers.
        self.eval("1");
        let own = |event: &&Value| event["sessionId"] == json!(self.session);
        let (mut complaints, mut asked) = (Vec::new(), Vec::new());
        for event in self.browser.events.iter().filter(own) {
            let params = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.exceptionThrown" => complaints.push(params.to_string()),
                "Runtime.consoleAPICalled" if params["type"] == "error" => complaints.push(params.to_string()),
                "Log.entryAdded" if params["entry"]["level"] == "error" => complaints.push(params.to_string()),
                "Network.requestWillBeSent" => asked.push(params["request"]["url"].as_str().unwrap().to_owned()),
                _ => {}
            }
        }
        (complaints, asked)
    }
}

impl Drop for Tab<'_> {
    fn drop(&mut self) {
        let target = json!({ "targetId": self.target });
        self.browser.ask(None, "Target.closeTarget", target);
    }
}

/// Base 64, as in RFC 4648.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let values = text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte)).collect::<Vec<_>>();
    let bytes = |four: &[usize]| {
        let all = four.iter().fold(0, |all, six| all << 6 | six) << (6 * (4 - four.len()));
        let three = u32::try_from(all).unwrap().to_be_bytes();
        three[1..four.len()].to_vec()
    };
    values.chunks(4).flat_map(bytes).collect()
}
