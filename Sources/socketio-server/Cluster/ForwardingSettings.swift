// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOServer
internal import NIOCore

/// The settings of `cluster.*` as the library takes them.
enum ForwardingSettings {
    /// Nil when requests for other nodes are to be refused.
    static func configuration(
        _ settings: Settings.Cluster, directory: any ForwardingDirectory
    ) -> ForwardingConfiguration? {
        guard settings.forward == .on else { return nil }
        var forwarding = ForwardingConfiguration(directory: directory)
        forwarding.upgradePolicy =
            switch settings.upgradePolicy {
            case .tunnel: .tunnel
            case .refuse: .refuse
            }
        forwarding.host = settings.internalHost
        forwarding.port = settings.internalPort
        forwarding.advertise = settings.advertise
        forwarding.secret = settings.secret.map { ForwardingKey($0) }
        forwarding.timeout = .milliseconds(settings.forwardTimeoutMs)
        return forwarding
    }
}
