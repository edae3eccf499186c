// Part of socketio-server, MIT licence; see LICENSE.

internal import HTTPServerCore

extension HTTPServerRequest {
    /// Whether it came over HTTP/1.0, which knows no upgrades.
    var isOfOldVersion: Bool { head.version == .http1_0 }
}
