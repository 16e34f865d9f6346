//! What an INVITE costs: the whole way through the endpoint up to its 100 Trying, and reading its description alone.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use sip::{Endpoint, EndpointConfig, Flow, Protocol, sdp::Description};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 111 9 8 0 101\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
    a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

fn invite() -> String {
    format!(
        "INVITE sip:4711@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKa;rport\r\nMax-Forwards: 70\r\n\
         From: \"Anna\" <sip:+4930123456@198.51.100.7>;tag=phone\r\nTo: <sip:4711@192.0.2.1>\r\n\
         Call-ID: call-1\r\nCSeq: 1 INVITE\r\nContact: <sip:anna@198.51.100.7>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nUser-Agent: Phone\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "the base instant of a simulated run"
)]
fn t0() -> Instant {
    Instant::now()
}

fn sip_parse(criterion: &mut Criterion) {
    let flow = Flow::new(
        Protocol::Udp,
        "192.0.2.1:5060".parse().expect("an address literal"),
        "198.51.100.7:5060".parse().expect("an address literal"),
        0,
    );
    let (now, text) = (t0(), invite());
    criterion.bench_function("sip_parse/invite", |bencher| {
        bencher.iter_batched_ref(
            || Endpoint::new(EndpointConfig::new([7; 32])),
            |endpoint| {
                endpoint.handle_datagram(flow, black_box(text.as_bytes()), now);
                assert!(endpoint.poll_event().is_some());
            },
            criterion::BatchSize::SmallInput,
        );
    });
    criterion.bench_function("sip_parse/sdp", |bencher| {
        bencher.iter(|| Description::parse(black_box(SDP.as_bytes())));
    });
}

criterion_group! {
    name = benches;
    // Short, because it is the ratios within one run that count.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(3000));
    targets = sip_parse
}
criterion_main!(benches);
