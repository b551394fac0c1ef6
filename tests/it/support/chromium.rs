//! A real browser for tests: headless Chromium, driven by the DevTools protocol.
//!
//! The protocol runs over a pipe, not over a port: nothing listens, there is nothing to wait for,
//! and the browser ends when this process ends, however it ends. A task reads whatever the
//! browser says at any time, so no console message is lost between two calls.
//!
//! ```ignore
//! let browser = Browser::launch().await;
//! let page = browser.page(&url).await;
//! page.wait_for("document.querySelector('#state').textContent === 'ready'", SECONDS).await;
//! assert_eq!(page.console_errors(), Vec::<String>::new());
//! ```
//!
//! Site isolation is off, so that frames of other origins belong to their page's session and
//! [`Page::frame`] can reach into them. What pages see of each other does not change.

use std::path::{Path, PathBuf};
use std::process::{Stdio, id};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use base64::Engine;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use link::{Link, exception, text};

mod link;

const MISSING: &str = "no Chromium: run `apt-get install -y chromium` or `./test.sh`";

/// What the network says by itself when it fails.
const NETWORK: [&str; 7] = [
    "ERR_CONNECTION_REFUSED",
    "ERR_CONNECTION_RESET",
    "ERR_EMPTY_RESPONSE",
    "ERR_INTERNET_DISCONNECTED",
    "WebSocket connection to",
    "503 (Service Unavailable)",
    "ERR_NETWORK_CHANGED",
];

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const FLAGS: [&str; 17] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox", // root has none
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage", // small in containers
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // A page behind another one keeps its pace.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-site-isolation-trials",
    "--disable-features=IsolateOrigins,site-per-process,IsolateSandboxedIframes",
    // A microphone that needs no permission.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "about:blank",
];

/// What the names of our profiles begin with; the process that made them follows.
const PROFILE: &str = "cti-chromium-";

/// How long the browser may take to answer, to load a page, or to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a page that has failed its test may take to say what it shows.
const BRIEFLY: Duration = Duration::from_secs(3);

/// A running browser. Dropping it kills it and deletes its profile.
pub(crate) struct Browser {
    link: Arc<Link>,
    process: Child,
    profile: PathBuf,
}

impl Browser {
    /// Starts a browser with an empty profile.
    pub(crate) async fn launch() -> Self {
        static LAUNCHED: AtomicU64 = AtomicU64::new(0);
        let number = LAUNCHED.fetch_add(1, Ordering::Relaxed);
        let profile = env::temp_dir().join(format!("{PROFILE}{}-{number}", id()));
        let program = program();
        remove_leftovers();
        fs::create_dir(&profile).expect("the temporary folder is writable");
        let log = profile.join("stderr");
        // The browser reads commands from descriptor 3 and writes to 4.
        let plumbing = r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null"#;
        let mut command = Command::new("sh");
        command.args(["-c", plumbing, "sh"]).arg(program).args(FLAGS);
        command.arg(format!("--user-data-dir={}", profile.display()));
        command.env("HOME", &profile); // crash reports and the like
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(fs::File::create(&log).expect("the profile is writable"));
        let mut process = command.spawn().expect("a shell starts Chromium");
        let to_browser = process.stdin.take().expect("stdin is piped");
        let from_browser = process.stdout.take().expect("stdout is piped");
        let link = Link::new(to_browser, from_browser);
        let browser = Self { link, process, profile };
        if let Err(error) = browser.link.call(None, "Browser.getVersion", json!({})).await {
            let said = fs::read_to_string(log).unwrap_or_default();
            panic!("Chromium did not start: {error}\n{said}");
        }
        browser
    }

    /// Opens a tab and waits until its document has loaded. All tabs are of one user: they share
    /// cookies and local storage, and a new tab hides the one before it. Start a second browser
    /// for a second user.
    pub(crate) async fn page(&self, url: &str) -> Page {
        let page = self.blank_page().await.expect("Chromium opens a tab");
        page.open(url).await;
        page
    }

    /// The same, where a script runs in the page and in each of its frames before any of their own.
    pub(crate) async fn page_after(&self, script: &str, url: &str) -> Page {
        let page = self.blank_page().await.expect("Chromium opens a tab");
        page.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await.expect("a script");
        page.open(url).await;
        page
    }

    /// The window that a page has opened and whose address contains `part`, once it is there.
    pub(crate) async fn popup(&self, part: &str) -> Page {
        let found = async {
            loop {
                let targets = self.link.call(None, "Target.getTargets", json!({})).await.unwrap_or_default();
                let is_meant = |target: &&Value| target["type"] == "page" && target["url"].as_str().is_some_and(|url| url.contains(part));
                if let Some(target) = targets["targetInfos"].as_array().and_then(|all| all.iter().find(is_meant)) {
                    return self.attach(target).await.expect("the window is there");
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no window opened with {part:?} in its address"))
    }

    async fn blank_page(&self) -> Result<Page, String> {
        let target = self.link.call(None, "Target.createTarget", json!({"url": "about:blank"})).await?;
        self.attach(&target).await
    }

    async fn attach(&self, target: &Value) -> Result<Page, String> {
        let link = &self.link;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = link.call(None, "Target.attachToTarget", attach).await?;
        let session = text(&attached["sessionId"]);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            link.call(Some(&session), &format!("{domain}.enable"), json!({})).await?;
        }
        Ok(Page { link: link.clone(), session, frame: None })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.start_kill();
        // The browser's children write a moment longer than it lives.
        for _ in 0..100 {
            let ended = !matches!(self.process.try_wait(), Ok(None));
            if ended && (!self.profile.exists() || fs::remove_dir_all(&self.profile).is_ok()) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A tab, or a frame inside a tab.
pub(crate) struct Page {
    link: Arc<Link>,
    session: String,
    frame: Option<String>,
}

impl Page {
    /// Takes the tab to another address and waits until the document has loaded.
    pub(crate) async fn open(&self, url: &str) {
        let answer = self.call("Page.navigate", json!({"url": url})).await;
        match answer.map(|answer| text(&answer["errorText"])) {
            Ok(none) if none.is_empty() => {}
            Ok(error) | Err(error) => panic!("{url}: {error}"),
        }
        self.wait_for("document.readyState === 'complete'", PATIENCE).await;
    }

    /// Loads the tab's document anew, and waits until that is there.
    pub(crate) async fn reload(&self) {
        self.eval("globalThis.isOld = true; location.reload()").await;
        self.wait_for("document.readyState === 'complete' && globalThis.isOld === undefined", PATIENCE).await;
    }

    /// The value of a JavaScript expression. A promise is awaited; an exception is a panic.
    /// It counts as a user's gesture, so that it may open windows and play sound.
    pub(crate) async fn eval(&self, js: &str) -> Value {
        match self.try_eval(js).await {
            Ok(value) => value,
            Err(error) => panic!("{error}\nin: {js}\n{}", self.story().await),
        }
    }

    /// Waits until a JavaScript condition holds, also across navigation. An exception in it
    /// counts as "not yet". The panic at the end of the time tells what the page shows.
    pub(crate) async fn wait_for(&self, condition: &str, limit: Duration) {
        let poll = format!(
            "(async () => {{
                for (;;) {{
                    try {{ if (await ({condition})) return true }} catch {{}}
                    await new Promise(resolve => setTimeout(resolve, 20))
                }}
            }})()"
        );
        let holds = async {
            // An error here says that the document went away while it was asked.
            while self.try_eval(&poll).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(limit, holds).await.is_err() {
            let last = timeout(BRIEFLY, self.try_eval(condition)).await;
            let last = last.map_or_else(|_| "no answer".into(), |last| format!("{last:?}"));
            panic!("not within {limit:?}: {condition}\nit is: {last}\n{}", self.story().await);
        }
    }

    /// The frame whose address contains `part`, once it has loaded. It is evaluated in as the
    /// page is; its console is the page's.
    pub(crate) async fn frame(&self, part: &str) -> Self {
        let found = async {
            loop {
                let tree = self.call("Page.getFrameTree", json!({})).await.unwrap_or_default();
                if let Some(frame) = frame_in(&tree["frameTree"], part) {
                    return frame;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let Ok(frame) = timeout(PATIENCE, found).await else {
            panic!("no frame with {part:?} in its address\n{}", self.story().await);
        };
        let frame = Self { link: self.link.clone(), session: self.session.clone(), frame: Some(frame) };
        frame.wait_for("document.readyState === 'complete'", PATIENCE).await;
        frame
    }

    /// Writes what the tab shows to a PNG file.
    pub(crate) async fn screenshot(&self, path: impl AsRef<Path>) {
        let shot = self.call("Page.captureScreenshot", json!({})).await.expect("a screenshot");
        let png = base64::engine::general_purpose::STANDARD.decode(text(&shot["data"]));
        fs::write(path, png.expect("base64")).expect("the screenshot's folder is writable");
    }

    /// What went wrong in this tab so far: `console.error`, uncaught exceptions, failed requests,
    /// violations of the content security policy. A page without an icon asks for /favicon.ico.
    pub(crate) fn console_errors(&self) -> Vec<String> {
        self.link.console(&self.session, true)
    }

    /// The same without what the network says by itself when it fails.
    pub(crate) fn own_errors(&self) -> Vec<String> {
        self.console_errors().into_iter().filter(|error| !NETWORK.iter().any(|expected| error.contains(expected))).collect()
    }

    /// Presses a key that has no letter: `Tab` or `Enter`.
    pub(crate) async fn key(&self, name: &str) {
        let (code, text) = if name == "Enter" { (13, "\r") } else { (9, "") };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code, "text": text});
            self.call("Input.dispatchKeyEvent", event).await.expect("the key is pressed");
        }
    }

    /// Types a text, letter by letter, into what has the focus.
    pub(crate) async fn type_text(&self, text: &str) {
        for letter in text.chars().map(String::from) {
            let code = letter.to_uppercase().bytes().next().unwrap_or_default();
            for kind in ["keyDown", "keyUp"] {
                let shown = if kind == "keyDown" { letter.as_str() } else { "" };
                let event = json!({"type": kind, "key": letter, "windowsVirtualKeyCode": code, "text": shown});
                self.call("Input.dispatchKeyEvent", event).await.expect("the letter is typed");
            }
        }
    }

    /// How many bytes a file of the page's own origin has after the browser's gzip.
    pub(crate) async fn gzipped(&self, path: &str) -> usize {
        let weigh = format!(
            "fetch('{path}').then(({{body}}) => new Response(body.pipeThrough(new CompressionStream('gzip'))).arrayBuffer())
                .then(({{byteLength}}) => byteLength)"
        );
        let bytes = self.eval(&weigh).await;
        bytes.as_u64().and_then(|bytes| usize::try_from(bytes).ok()).expect("a count")
    }

    /// Takes the tab off the network, or back on it. Requests and new sockets fail; a socket that
    /// is open hears nothing more and is not told, as when a laptop loses its network.
    pub(crate) async fn set_offline(&self, offline: bool) {
        let conditions = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        let done = self.call("Network.emulateNetworkConditions", conditions).await;
        done.expect("the network is switched");
    }

    /// Nothing with such an address can be had any more; without any, all can.
    pub(crate) async fn block(&self, patterns: &[&str]) {
        self.call("Network.enable", json!({})).await.expect("the network is watched");
        self.call("Network.setBlockedURLs", json!({ "urls": patterns })).await.expect("addresses are blocked");
    }

    /// Shows the tab as a user who prefers the dark or the light look sees it.
    pub(crate) async fn emulate_media(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.call("Emulation.setEmulatedMedia", features).await.expect("the look is switched");
    }

    /// Gives the tab a screen of this size, in CSS pixels.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", screen).await.expect("the screen is resized");
    }

    /// Presses a key that writes nothing, such as `ArrowRight` or `Tab`, on whatever has the focus.
    pub(crate) async fn press(&self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            _ => panic!("{key}: which code?"),
        };
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", event).await.expect("the key is pressed");
        }
    }

    /// Closes the tab as a user does.
    pub(crate) async fn close(self) {
        // The tab may be gone before it can answer.
        let _ = self.call("Page.close", json!({})).await;
    }

    async fn try_eval(&self, js: &str) -> Result<Value, String> {
        let mut ask = json!({
            "expression": js, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        if let Some(frame) = &self.frame {
            let context = self.link.context(&self.session, frame);
            ask["uniqueContextId"] = json!(context.ok_or("the frame has no document")?);
        }
        let mut answer = self.call("Runtime.evaluate", ask).await?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(exception(details)),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// What a reader of a failed test needs: the address, the console, the text on the page.
    async fn story(&self) -> String {
        let show = "location.href + '\\n--- text\\n' + document.body?.innerText";
        let page = timeout(BRIEFLY, self.try_eval(show)).await;
        let page = match page {
            Ok(Ok(shown)) => text(&shown),
            Ok(Err(error)) => error,
            Err(_) => "does not answer".into(),
        };
        let console = self.link.console(&self.session, false).join("\n");
        format!("--- page {page}\n--- console\n{console}")
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value, String> {
        self.link.call(Some(&self.session), method, params).await
    }
}

/// Where the browser's program is.
fn program() -> PathBuf {
    let folders: Vec<_> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let places = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.exists()).expect(MISSING)
}

/// Deletes the profiles of test processes that were killed.
fn remove_leftovers() {
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(PROFILE));
        let owner = rest.and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        let alive = |pid: u32| !Path::new("/proc/self").exists() || Path::new("/proc").join(pid.to_string()).exists();
        if owner.is_some_and(|pid| !alive(pid)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The first frame below the page's own whose address contains `part`.
fn frame_in(tree: &Value, part: &str) -> Option<String> {
    tree["childFrames"].as_array()?.iter().find_map(|child| {
        let matches = child["frame"]["url"].as_str()?.contains(part);
        matches.then(|| text(&child["frame"]["id"])).or_else(|| frame_in(child, part))
    })
}

/// A page with a frame of another site in it, to try the browser on.
async fn serve_page() -> (String, String) {
    use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
    use axum::response::Html;
    use axum::{Router, routing::get};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("a bound socket").port();
    // The same server under another name is another site to the browser.
    let (page, inner) = (format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}"));
    let html = format!(
        "<!doctype html><link rel=icon href=data:><p>outer</p><script src=/js></script>
         <script>document.title = 'inline'</script>
         <iframe src='{inner}/inner' sandbox='allow-scripts allow-same-origin'></iframe>"
    );
    let js = "console.log('hello', {a: 1}); console.error('bad', 7);
              setTimeout(() => { throw new Error('late') })";
    let button = "<button onclick=\"this.textContent = 'clicked'\">in</button>";
    let policy = format!("script-src 'self'; frame-src {inner}");
    let app = Router::new()
        .route("/", get(|| async { ([(CONTENT_SECURITY_POLICY, policy)], Html(html)) }))
        .route("/inner", get(move || async move { Html(button) }))
        .route("/js", get(move || async move { ([(CONTENT_TYPE, "text/javascript")], js) }));
    tokio::spawn(axum::serve(listener, app).into_future());
    (page, inner)
}

#[tokio::test]
async fn the_browser_shows_what_a_page_does() {
    const SECONDS: Duration = Duration::from_secs(10);
    let (address, inner_address) = serve_page().await;
    let browser = Browser::launch().await;
    let page = browser.page(&address).await;
    page.wait_for("document.querySelector('p').textContent === 'outer'", SECONDS).await;
    assert_eq!(page.eval("Promise.resolve([1, 'two', null])").await, json!([1, "two", null]));
    assert_eq!(page.eval("document.title").await, json!(""), "no inline script ran");

    let frame = page.frame("/inner").await;
    assert_eq!(frame.eval("self.origin").await, json!(inner_address));
    frame.eval("document.querySelector('button').click(); console.error('in the frame')").await;
    frame.wait_for("document.body.innerText === 'clicked'", SECONDS).await;

    let errors = page.console_errors().join("\n");
    for expected in ["bad 7", "Error: late", "Content Security Policy", "in the frame"] {
        assert!(errors.contains(expected), "{expected:?} in:\n{errors}");
    }
    assert_eq!(page.console_errors().len(), 4, "{errors}");
    let story = page.story().await;
    assert!(story.contains("outer") && story.contains("hello Object"), "{story}");

    page.emulate_media(true).await;
    page.wait_for("matchMedia('(prefers-color-scheme: dark)').matches", SECONDS).await;
    page.set_offline(true).await;
    page.wait_for("!navigator.onLine && fetch('/').then(() => false, () => true)", SECONDS).await;
    page.set_offline(false).await;
    page.wait_for("navigator.onLine && fetch('/').then(answer => answer.ok)", SECONDS).await;
    let picture = browser.profile.join("shot.png");
    page.screenshot(&picture).await;
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));

    page.close().await;
    let profile = browser.profile.clone();
    drop(browser);
    assert!(!profile.exists());
}
