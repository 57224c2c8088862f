//! The accounts that deploy/nats/permissions.conf proposes, at a real server.

use super::broker::Broker;
use asnmeter::fleet::Subjects;
use asnmeter::fleet::nats::{NatsConnection, NatsError, NatsServers, ReadFrom};
use std::time::Duration;

const PERMISSIONS: &str = include_str!("../../deploy/nats/permissions.conf");

async fn connect(address: String) -> NatsConnection {
    let servers = NatsServers {
        addresses: vec![address],
        name: "somebody".into(),
        ..NatsServers::default()
    };
    let connected = NatsConnection::connect(&servers, Subjects::new("voice-eu")).await;
    let connected = connected.unwrap();
    // It connects as long as it takes.
    for _ in 0..20 {
        if connected.is_connected() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    connected
}

#[test]
fn a_probe_publishes_under_its_own_name_only_and_nobody_without_the_password() {
    // A character that a URL writes in another way.
    let permissions = PERMISSIONS.replace("change-me-1", "change@me/1");
    assert_ne!(permissions, PERMISSIONS);
    let broker = Broker::with(&permissions);
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async {
        let aggregator = connect(broker.address_of("aggregator", "change-me-3")).await;
        aggregator.make_stream().await.unwrap();
        let probe = connect(broker.address_of("fra-1", "change%40me%2F1")).await;
        let subjects = Subjects::new("voice-eu");
        let own = [subjects.leaf("fra-1"), subjects.head("fra-1")];
        for subject in &own {
            let sent = probe.append(subject, (Some(0), Some(0)), "text".into());
            sent.await.unwrap();
            let last = probe.last(subject).await.unwrap().unwrap();
            assert_eq!(last.text, "text");
        }
        for subject in [subjects.leaf("ams-1"), subjects.closed()] {
            let refused = probe.append(&subject, (None, None), "text".into()).await;
            assert!(
                matches!(refused, Err(NatsError::Publish(..))),
                "{refused:?}"
            );
            assert!(aggregator.last(&subject).await.unwrap().is_none());
        }
        let mut messages = aggregator.read("", ReadFrom::First).await.unwrap();
        for subject in &own {
            assert_eq!(messages.next().await.unwrap().subject, *subject);
        }
        let stranger = connect(broker.address_of("fra-1", "change-me-1")).await;
        assert!(!stranger.is_connected());
    });
}

#[test]
fn two_addresses_with_different_users_are_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let servers = NatsServers {
        addresses: vec!["nats://a:b@127.0.0.1".into(), "nats://a:c@127.0.0.1".into()],
        ..NatsServers::default()
    };
    let connected = NatsConnection::connect(&servers, Subjects::new("voice-eu"));
    let refused = runtime.block_on(connected).unwrap_err().to_string();
    assert!(refused.contains("the same user and password"), "{refused}");
}
