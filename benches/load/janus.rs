//! Janus with its AudioBridge, where it is installed: the same people as plain RTP participants of one room.
//!
//! It is configured as it comes, but for what is not measured (other plugins, other transports). One room is opened at
//! the rate of its people's codec; everybody joins by the API on a Unix socket.

use std::{
    fs,
    net::SocketAddr,
    os::fd::{AsRawFd, OwnedFd},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket,
};
use serde_json::{Value, json};

use crate::{
    Done, machine,
    wire::{Kind, Leg},
};

/// A running Janus; dropping it ends it.
pub(crate) struct Janus {
    process: Child,
    folder: PathBuf,
    api: Option<OwnedFd>,
    session: u64,
    transaction: u64,
    room_is_open: bool,
}

/// Tells whether Janus and what pins it to a core are installed.
pub(crate) fn is_installed() -> bool {
    // What its own version is worth as an exit code differs; that it runs is enough.
    let runs = |program: &str| {
        let mut command = Command::new(program);
        command.arg("--version");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok()
    };
    runs("janus") && runs("taskset") && runs("chrt")
}

impl Janus {
    /// Starts it on the measured core and opens a session.
    pub(crate) fn start() -> Done<Self> {
        let folder = std::env::temp_dir().join(format!("load-janus-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let socket = folder.join("api");
        for (file, text) in configuration(&socket.display().to_string()) {
            fs::write(folder.join(file), text)?;
        }
        // Ordinary scheduling, as it runs by itself: with the media worker's real-time class nobody was heard.
        let mut command = Command::new("chrt");
        command.args(["--other", "0", "taskset", "--cpu-list"]);
        command.arg(machine::MEASURED_CORE.to_string());
        command.args(["janus", "--configs-folder"]).arg(&folder);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.stderr(Stdio::null()).spawn()?;
        let mut janus = Self {
            process,
            folder,
            api: None,
            session: 0,
            transaction: 0,
            room_is_open: false,
        };
        janus.api = Some(connected(&UnixAddr::new(&socket)?)?);
        let created = janus.request(json!({"janus": "create"}), "success")?;
        janus.session = id(&created)?;
        Ok(janus)
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Lets people join; returns where each is to send.
    pub(crate) fn open(&mut self, legs: &[Leg]) -> Done<Vec<SocketAddr>> {
        let mut sockets = Vec::new();
        for leg in legs {
            sockets.push(self.join(leg)?);
        }
        Ok(sockets)
    }

    fn join(&mut self, leg: &Leg) -> Done<SocketAddr> {
        let attach = json!({
            "janus": "attach", "plugin": "janus.plugin.audiobridge", "session_id": self.session,
        });
        let handle = id(&self.request(attach, "success")?)?;
        if !self.room_is_open {
            let rate = leg.kind.codec().sample_rate();
            let room = json!({
                "request": "create", "room": ROOM, "sampling_rate": rate, "allow_rtp_participants": true,
            });
            self.request(self.message(handle, room), "success")?;
            self.room_is_open = true;
        }
        let codec = match leg.kind {
            Kind::Pcma => "pcma",
            Kind::Opus => "opus",
            Kind::G722 | Kind::Browser => return Err("not a codec of Janus's plain RTP".into()),
        };
        let join = json!({
            "request": "join", "room": ROOM, "codec": codec, "rtp": {
                "ip": leg.remote.ip().to_string(), "port": leg.remote.port(),
                "payload_type": leg.kind.payload_type(),
            },
        });
        let joined = self.request(self.message(handle, join), "event")?;
        let rtp = joined.pointer("/plugindata/data/rtp");
        let port = rtp.and_then(|rtp| rtp.get("port")).and_then(Value::as_u64);
        let port = port.ok_or_else(|| format!("nobody could join: {joined}"))?;
        Ok(SocketAddr::from(([127, 0, 0, 1], u16::try_from(port)?)))
    }

    fn message(&self, handle: u64, body: Value) -> Value {
        json!({"janus": "message", "session_id": self.session, "handle_id": handle, "body": body})
    }

    /// Sends a request and waits for the answer of a kind.
    fn request(&mut self, mut request: Value, kind: &str) -> Done<Value> {
        self.transaction += 1;
        let transaction = self.transaction.to_string();
        request["transaction"] = Value::from(transaction.clone());
        let api = self.api.as_ref().ok_or("no connection")?.as_raw_fd();
        send(api, request.to_string().as_bytes(), MsgFlags::empty())?;
        let mut buffer = vec![0; MESSAGE_MAX];
        loop {
            let len = recv(api, &mut buffer, MsgFlags::empty())?;
            let answer: Value = serde_json::from_slice(&buffer[..len])?;
            if answer["transaction"] != transaction.as_str() || answer["janus"] == "ack" {
                continue;
            }
            if answer["janus"] == kind {
                return Ok(answer);
            }
            return Err(format!("Janus refused: {answer}").into());
        }
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        // It may have ended by itself; then nothing is left to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn connected(address: &UnixAddr) -> Done<OwnedFd> {
    let patience = machine::now() + PATIENCE;
    loop {
        let flags = SockFlag::SOCK_CLOEXEC;
        let api = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
        if connect(api.as_raw_fd(), address).is_ok() {
            return Ok(api);
        }
        if machine::now() > patience {
            return Err("Janus did not start".into());
        }
        machine::sleep_until(machine::now() + Duration::from_millis(20));
    }
}

fn id(answer: &Value) -> Done<u64> {
    let id = answer.pointer("/data/id").and_then(Value::as_u64);
    Ok(id.ok_or("an answer of Janus without an id")?)
}

fn configuration(socket: &str) -> [(&'static str, String); 3] {
    let general = format!(
        "general: {{ debug_level = 1; session_timeout = 0; }}\n\
         media: {{ rtp_port_range = \"20000-40000\" }}\n\
         plugins: {{ disable = \"{PLUGINS}\" }}\n\
         transports: {{ disable = \"{TRANSPORTS}\" }}\n"
    );
    let bridge = "general: { local_ip = \"127.0.0.1\"; rtp_port_range = \"20000-40000\"; }\n";
    let api = format!(
        "general: {{ enabled = true; json = \"compact\"; path = \"{socket}\"; type = \"SOCK_SEQPACKET\"; }}\n"
    );
    [
        ("janus.jcfg", general),
        ("janus.plugin.audiobridge.jcfg", bridge.to_owned()),
        ("janus.transport.pfunix.jcfg", api),
    ]
}

const ROOM: u64 = 1;
const MESSAGE_MAX: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(30);
const PLUGINS: &str = "libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,\
libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,\
libjanus_videoroom.so,libjanus_voicemail.so";
const TRANSPORTS: &str = "libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_rabbitmq.so,\
libjanus_websockets.so";
