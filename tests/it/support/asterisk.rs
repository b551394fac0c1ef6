//! A real Asterisk for one test: unpacked by `./test.sh --asterisk`, run by chroot as nobody, with a configuration of our own that
//! listens on the loopback only. That it does is looked at after every start.
//!
//! Its telephones are channels whose far ends are in an application of the test ([`super::phones`]), and, where a test asks for them,
//! browsers that register by SIP over a WebSocket.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    ops::RangeInclusive,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use cti_gateway::app::clock::instant;
use reqwest::Client;
use tempfile::TempDir;

pub(crate) const USER: &str = "tester";
/// With a space, a colon and a percent sign, as people choose them.
pub(crate) const PASSWORD: &str = "se cret:50%";
/// The application of the gateway, and that of the telephones.
pub(crate) const APP: &str = "cti";
pub(crate) const PHONES: &str = "phones";

/// Who it runs as: nobody.
const NOBODY: u32 = 65_534;
/// Where sound goes, below the ports that the kernel gives out by itself.
const SOUND_PORTS: RangeInclusive<u16> = 32_100..=32_700;
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(20);

/// Kills what it began when its input ends: when it is told to, and when the test is gone, however it went.
const KEEPER: &str =
    r#"chroot --userspec=65534:65534 "$1" /usr/sbin/asterisk -f -C "$2" >"$3" 2>&1 </dev/null & echo $!; read -r _; kill -KILL $!; wait"#;

/// What is loaded, and nothing else: no channel driver but the local one, and that of browsers; no door but HTTP.
const MODULES: &[&str] = &[
    "res_timing_timerfd",
    "res_http_websocket",
    "res_sorcery_config",
    "res_websocket_client",
    "res_stasis",
    "res_stasis_answer",
    "res_stasis_playback",
    "res_stasis_recording",
    "res_stasis_snoop",
    "res_ari_model",
    "res_ari",
    "app_stasis",
    "res_ari_applications",
    "res_ari_asterisk",
    "res_ari_bridges",
    "res_ari_channels",
    "res_ari_events",
    "res_ari_playbacks",
    "res_ari_recordings",
    "bridge_simple",
    "bridge_softmix",
    "bridge_holding",
    "chan_bridge_media",
    "codec_ulaw",
    "codec_gsm",
    "codec_resample",
    "format_gsm",
    "format_pcm",
    "format_sln",
    "format_wav",
    "res_musiconhold",
    "pbx_config",
    "func_callerid",
    "func_channel",
    "func_logic",
    "func_talkdetect",
];

/// What browsers need to be telephones: SIP that comes by a WebSocket only, and encrypted sound.
const MODULES_FOR_BROWSERS: &[&str] = &[
    "res_crypto",
    "res_srtp",
    "res_rtp_asterisk",
    "res_sorcery_memory",
    "res_sorcery_astdb",
    "res_pjproject",
    "res_pjsip",
    "res_pjsip_pubsub",
    "res_pjsip_session",
    "chan_pjsip",
    "res_pjsip_transport_websocket",
    "res_pjsip_authenticator_digest",
    "res_pjsip_endpoint_identifier_user",
    "res_pjsip_registrar",
    "res_pjsip_sdp_rtp",
    "res_pjsip_nat",
    "res_pjsip_caller_id",
    "res_pjsip_header_funcs",
    "res_pjsip_rfc3326",
    "func_pjsip_contact",
];

const DIALPLAN: &str = "
[phones]
exten => _X.,1,Stasis(phones,${EXTEN})
 same => n,Hangup()
[world]
exten => _[+]X.,1,Stasis(phones,${EXTEN})
 same => n,Hangup()
[did]
exten => _X.,1,Stasis(cti,inbound,${EXTEN},support)
 same => n,Hangup(34)
exten => elsewhere,1,Wait(60)
[group]
exten => _[+]X.,1,Stasis(cti,inbound,${EXTEN})
 same => n,Hangup(34)
";

const INDICATIONS: &str = "[general]\ncountry = us\n[us]\ndescription = US\nringcadence = 2000,4000\ndial = 350+440\nbusy = 480+620/500,0/500\n\
                           ring = 440+480/2000,0/4000\ncongestion = 480+620/250,0/250\n";

/// One Asterisk with folders of its own. Dropping it kills it.
pub(crate) struct Asterisk {
    root: PathBuf,
    folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) http: Client,
    keeper: Option<Child>,
    pid: String,
    /// Extensions that browsers register as, each with its password.
    browsers: &'static [(&'static str, &'static str)],
}

impl Asterisk {
    /// A running one.
    pub(crate) async fn start() -> Self {
        Self::for_browsers(&[]).await
    }

    /// A running one at which browsers register as these extensions, with these passwords.
    pub(crate) async fn for_browsers(browsers: &'static [(&'static str, &'static str)]) -> Self {
        cti_gateway::courier::install_tls();
        let root = root();
        fs::create_dir_all(root.join("instances")).expect("a folder");
        let folder = tempfile::Builder::new().prefix("i").tempdir_in(root.join("instances")).expect("a folder");
        let http = Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        let mut asterisk = Self { root, folder, address: free_address(), http, keeper: None, pid: String::new(), browsers };
        asterisk.configure();
        asterisk.run().await;
        asterisk
    }

    /// Where it is, from inside.
    fn inside(&self, name: &str) -> String {
        let here = self.folder.path().strip_prefix(&self.root).expect("a folder of the root");
        format!("/{}/{name}", here.display())
    }

    fn configure(&self) {
        let at = |name: &str| self.inside(name);
        let directories = format!(
            "[directories]\nastetcdir => {}\nastmoddir => {}\nastvarlibdir => {lib}\nastdbdir => {lib}\nastkeydir => {lib}\nastdatadir => \
             /usr/share/asterisk\nastagidir => {lib}\nastspooldir => {}\nastrundir => {run}\nastlogdir => {}\nastsbindir => /usr/sbin\n\
             [options]\nverbose = 3\nnocolor = yes\n",
            at("etc"),
            modules_in(&self.root),
            at("spool"),
            at("log"),
            lib = at("lib"),
            run = at("run"),
        );
        let for_browsers = if self.browsers.is_empty() { &[] } else { MODULES_FOR_BROWSERS };
        let modules: String = MODULES.iter().chain(for_browsers).map(|name| format!("load = {name}.so\n")).collect();
        let files = [
            ("asterisk.conf", directories),
            ("modules.conf", format!("[modules]\nautoload = no\n{modules}")),
            ("http.conf", format!("[general]\nenabled = yes\nbindaddr = {}\nbindport = {}\n", self.address.ip(), self.address.port())),
            ("ari.conf", format!("[general]\nenabled = yes\n[{USER}]\ntype = user\npassword = {PASSWORD}\npassword_format = plain\n")),
            ("extensions.conf", DIALPLAN.to_owned()),
            ("indications.conf", INDICATIONS.to_owned()),
            ("musiconhold.conf", "[default]\nmode = files\ndirectory = /usr/share/asterisk/sounds/en\n".to_owned()),
            ("pjsip.conf", pjsip(self.browsers)),
            ("rtp.conf", format!("[general]\nrtpstart = {}\nrtpend = {}\nicesupport = yes\n", SOUND_PORTS.start(), SOUND_PORTS.end())),
            ("logger.conf", "[general]\n[logfiles]\nfull => notice,warning,error,verbose\n".to_owned()),
        ];
        for folder in ["etc", "lib", "lib/keys", "spool", "spool/recording", "run", "log"] {
            self.own(&self.folder.path().join(folder), |path| fs::create_dir(path));
        }
        self.own(self.folder.path(), |_| Ok(()));
        for (name, text) in files {
            self.own(&self.folder.path().join("etc").join(name), |path| fs::write(path, text));
        }
        // looked for, and missed loudly
        for name in ["acl", "ccss", "cdr", "cel", "features", "pjproject", "stasis", "udptl", "websocket_client"] {
            self.own(&self.folder.path().join("etc").join(format!("{name}.conf")), |path| fs::write(path, ""));
        }
    }

    fn own(&self, path: &Path, make: impl FnOnce(&Path) -> std::io::Result<()>) {
        make(path).and_then(|()| chown(path, Some(NOBODY), Some(NOBODY))).expect("a file that nobody owns");
    }

    /// Starts it, and waits until it answers.
    pub(crate) async fn run(&mut self) {
        let (root, config) = (self.root.display().to_string(), self.inside("etc/asterisk.conf"));
        let output = self.folder.path().join("output");
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper", &root, &config, &output.display().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut pid = String::new();
        BufReader::new(keeper.stdout.take().expect("its output")).read_line(&mut pid).expect("the pid");
        self.keeper = Some(keeper);
        pid.trim().clone_into(&mut self.pid);
        let began = instant();
        while !self.answers().await {
            assert!(began.elapsed() < PATIENCE, "Asterisk does not answer:\n{}", self.log());
            tokio::time::sleep(GLANCE).await;
        }
        self.assert_loopback_only();
    }

    async fn answers(&self) -> bool {
        let request = self.http.get(self.url("/asterisk/info")).basic_auth(USER, Some(PASSWORD));
        request.send().await.is_ok_and(|response| response.status().is_success())
    }

    /// Kills it: nothing is closed, nobody is told.
    pub(crate) fn kill(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take().map(|mut input| input.write_all(b"end\n")));
            keeper.wait().expect("the keeper ends");
        }
    }

    /// Every socket of it is on the loopback, but for two by which its SIP stack asks for names, and takes nothing but answers.
    pub(crate) fn assert_loopback_only(&self) {
        let output = Command::new("ss").arg("-ltnupH").output().expect("ss");
        let text = String::from_utf8_lossy(&output.stdout);
        let mine: Vec<&str> = text.lines().filter(|line| line.contains(&format!("pid={},", self.pid))).collect();
        let open: Vec<&&str> = mine.iter().filter(|line| !listens_on_loopback(line)).collect();
        let (asking, listening): (Vec<&str>, Vec<&str>) = open.into_iter().partition(|line| !self.browsers.is_empty() && asks_only(line));
        assert!(listening.is_empty() && asking.len() <= 2, "Asterisk listens where it must not: {listening:?} {asking:?}");
        assert!(mine.iter().any(|line| line.contains(&self.address.to_string())), "not this Asterisk: {mine:?}");
    }

    /// An address of its REST interface.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/ari{path}", self.address)
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        format!("{}\n{}", read("output"), read("log/full"))
    }
}

impl Drop for Asterisk {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Browsers as telephones: their sound is bound to the loopback, too.
fn pjsip(browsers: &[(&str, &str)]) -> String {
    let one = |(extension, password): &(&str, &str)| {
        format!(
            "[{extension}]\ntype = endpoint\naors = {extension}\nauth = {extension}\ncontext = phones\nwebrtc = yes\ndisallow = all\n\
             allow = ulaw\nmedia_address = 127.0.0.1\nbind_rtp_to_media_address = yes\n[{extension}]\ntype = aor\nmax_contacts = 1\n\
             remove_existing = yes\n[{extension}]\ntype = auth\nauth_type = userpass\nusername = {extension}\npassword = {password}\n"
        )
    };
    format!("[ws]\ntype = transport\nprotocol = ws\nbind = 127.0.0.1\n{}", browsers.iter().map(one).collect::<String>())
}

/// Whether a line of `ss -H` is of a socket that only this machine reaches.
fn listens_on_loopback(line: &str) -> bool {
    let local = line.split_whitespace().nth(4).unwrap_or_default();
    let host = local.rsplit_once(':').map_or("", |(host, _)| host);
    host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a line of `ss -H` is of a socket that carries no sound and awaits no call.
fn asks_only(line: &str) -> bool {
    let local = line.split_whitespace().nth(4).unwrap_or_default();
    let port = local.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    line.starts_with("udp ") && port.is_some_and(|port: u16| port > *SOUND_PORTS.end())
}

/// Where it was unpacked.
fn root() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_cti-gateway")).ancestors().nth(2).expect("the folder of what is built");
    let root = target.join("asterisk/root");
    assert!(root.join("usr/sbin/asterisk").exists(), "no Asterisk in {}: run ./test.sh --asterisk", root.display());
    root
}

fn modules_in(root: &Path) -> String {
    let entries = fs::read_dir(root.join("usr/lib")).expect("a folder");
    let mut folders = entries.filter_map(|entry| Some(entry.ok()?.path().join("asterisk/modules")));
    let folder = folders.find(|path| path.exists()).expect("Asterisk's modules");
    format!("/{}", folder.strip_prefix(root).expect("a folder of the root").display())
}

/// A port below those that the kernel gives out by itself, so that nobody takes it while Asterisk is down.
fn free_address() -> SocketAddr {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::random_range(10_240..32_000)));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

#[test]
fn a_socket_on_every_interface_is_noticed() {
    assert!(listens_on_loopback("tcp LISTEN 0 10 127.0.0.1:8088 0.0.0.0:* users:((\"asterisk\",pid=7,fd=7))"));
    assert!(listens_on_loopback("tcp LISTEN 0 10 [::1]:8088 [::]:* users:((\"asterisk\",pid=7,fd=7))"));
    for open in [
        "tcp LISTEN 0 10 0.0.0.0:8088 0.0.0.0:*",
        "udp UNCONN 0 0 *:5060 *:*",
        "tcp LISTEN 0 10 [::]:8088 [::]:*",
        "udp UNCONN 0 0 10.0.0.7:4569 *:*",
        "",
    ] {
        assert!(!listens_on_loopback(open), "{open}");
    }
}
