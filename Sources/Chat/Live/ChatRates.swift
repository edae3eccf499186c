// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOServer

/// How fast people may do something: each person over all their devices, and people without a login also together with all
/// others at their address, because a new name costs nothing.
struct ChatRates: Sendable {
    private let writing = RateTable()
    private let asking = RateTable()
    private let uploading = RateTable()

    /// What a person may write, and ask for, at once.
    private static let burst = (writing: 30.0, asking: 300.0)

    /// Takes from what a person may write; returns how long to wait.
    ///
    /// - Parameter addressCost: the cost for the address; more than 1 for what stays when the person is forgotten.
    func write(_ visitor: Visitor, addressCost: Double = 1, _ limits: ChatLimits) -> Duration? {
        let perMinute = Double(limits.messagesPerMinute)
        return take(
            writing, visitor, cost: 1, addressCost: addressCost, perMinute: perMinute,
            burst: min(Self.burst.writing, perMinute), limits)
    }

    /// Takes from what a person may ask for; returns how long to wait.
    func ask(_ visitor: Visitor, cost: Double, _ limits: ChatLimits) -> Duration? {
        let perMinute = 10 * Double(limits.messagesPerMinute)
        return take(
            asking, visitor, cost: cost, addressCost: cost, perMinute: perMinute,
            burst: min(Self.burst.asking, perMinute), limits)
    }

    /// Takes the cost of a new person from what an address may write; returns how long to wait.
    func arrive(from address: String, _ limits: ChatLimits) -> Duration? {
        guard limits.addressFactor > 0 else { return nil }
        let (factor, perMinute) = (Double(limits.addressFactor), Double(limits.messagesPerMinute))
        return writing.take(
            address, cost: 1, perSecond: factor * perMinute / 60, burst: factor * min(Self.burst.writing, perMinute))
    }

    /// Takes the bytes of a piece of a file; returns how long to wait.
    func upload(_ visitor: Visitor, bytes: Int, _ limits: ChatLimits) -> Duration? {
        let perHour = Double(limits.uploadBytesPerHour)
        return uploading.take(
            visitor.address ?? visitor.person.id, cost: Double(bytes), perSecond: perHour / 3600, burst: perHour)
    }

    private func take(
        _ table: RateTable, _ visitor: Visitor, cost: Double, addressCost: Double, perMinute: Double, burst: Double,
        _ limits: ChatLimits
    ) -> Duration? {
        // First the person: one who is refused takes nothing from the others at the address.
        if let wait = table.take(visitor.person.id, cost: cost, perSecond: perMinute / 60, burst: burst) {
            return wait
        }
        guard let address = visitor.address, limits.addressFactor > 0 else { return nil }
        let factor = Double(limits.addressFactor)
        return table.take(address, cost: addressCost, perSecond: factor * perMinute / 60, burst: factor * burst)
    }
}
