// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

extension LibraryConfiguration {
    /// The rates in the form that the library takes.
    static func rates(_ settings: Settings.Rates) -> RateLimits {
        var limits = RateLimits()
        limits.action =
            switch settings.action {
            case .delay: .delay
            case .warn: .warn
            case .drop: .drop
            case .disconnect: .disconnect
            }
        limits.burstSeconds = settings.burstSeconds
        limits.session = rates(settings.session)
        limits.user = rates(settings.user)
        limits.address = rates(settings.address)
        return limits
    }

    private static func rates(_ scope: Settings.Rates.Scope) -> RateLimits.Rates {
        func limit(_ rate: Int) -> Int? { rate == 0 ? nil : rate }
        var rates = RateLimits.Rates()
        rates.eventsPerSecond = limit(scope.eventsPerSecond)
        rates.bytesPerSecond = limit(scope.bytesPerSecond)
        rates.joinsPerSecond = limit(scope.joinsPerSecond)
        rates.connectsPerSecond = limit(scope.connectsPerSecond)
        rates.questionsPerSecond = limit(scope.questionsPerSecond)
        return rates
    }
}
