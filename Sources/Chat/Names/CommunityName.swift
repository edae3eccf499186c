// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// The namespaces of communities: `/socket/commu-ID`.
enum CommunityName {
    /// The community that everybody is in.
    static let lobby = "lobby"
    private static let prefix = "/socket/commu-"

    /// The id in the name of a namespace; nil for other names.
    static func id(of namespace: String) -> String? {
        guard namespace.utf8.count <= 64, namespace.beginsWithBytes(of: prefix) else { return nil }
        let id = String(Substring(namespace.utf8.dropFirst(prefix.utf8.count)))
        return ChatID.isValid(id, maximum: 32) ? id : nil
    }

    static func namespace(of id: String) -> String { prefix + id }
}
