//! Who is meant by the names behind the dots of the metrics.

use maud::{Markup, html};

use super::words::text;
use crate::export::status::{Peer, Status};

/// The table of them.
pub(super) fn peers(status: &Status) -> Markup {
    html! {
        @if !status.peers.is_empty() {
            section.peers data-key="peers" aria-labelledby="peers" {
                h2 #peers { "peers" }
                div.wide tabindex="0" role="group" aria-label="Peers" {
                    table {
                        caption { "Whom sockets belong to" }
                        thead { tr {
                            th scope="col" { "peer" } th scope="col" { "end" } th scope="col" { "address" }
                            th scope="col" { "host name" }
                        } }
                        tbody {
                            @for peer in &status.peers {
                                tr data-key=(text(&peer.name)) {
                                    th scope="row" { (text(&peer.name)) } td { (text(&peer.end)) }
                                    td { (text(&peer.address)) } td { (resolved(peer)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn resolved(peer: &Peer) -> Markup {
    html! {
        @match peer.addresses {
            Some(1) => "1 address",
            Some(count) => { (count) " addresses" },
            None => {},
        }
        @if let Some(why) = &peer.trouble { " " span.unknown { "cannot be resolved: " (text(why)) } }
    }
}
