// Part of socketio-server, MIT licence; see LICENSE.

extension Settings {
    /// How much clients may send and request in a second. The defaults are generous: no person and no ordinary program
    /// reaches them.
    struct Rates: Sendable, Equatable {
        var action = Action.delay
        var burstSeconds = 5
        var session = Scope(
            eventsPerSecond: 500, bytesPerSecond: 2_097_152, joinsPerSecond: 100, connectsPerSecond: 20,
            questionsPerSecond: 20)
        var user = Scope(
            eventsPerSecond: 2_000, bytesPerSecond: 8_388_608, joinsPerSecond: 400, connectsPerSecond: 80,
            questionsPerSecond: 80)
        var address = Scope(
            eventsPerSecond: 20_000, bytesPerSecond: 67_108_864, joinsPerSecond: 4_000, connectsPerSecond: 2_000,
            questionsPerSecond: 1_000)

        /// Per second; 0 means no limit.
        struct Scope: Sendable, Equatable {
            var eventsPerSecond = 0
            var bytesPerSecond = 0
            var joinsPerSecond = 0
            var connectsPerSecond = 0
            var questionsPerSecond = 0
        }

        enum Action: String, CaseIterable, Sendable {
            case delay
            case warn
            case drop
            case disconnect
        }
    }
}
