// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore
internal import SocketIOServer

extension PeerMessage {
    /// The busy users that the node reports. Names do not leave a node, only digests of them, which are the same on all
    /// nodes. The size and the number of the reports are limited, because a stranger could have made them up.
    var rateReports: [RateBook.Report] {
        get {
            (rates ?? []).prefix(RateBook.maximumReports).compactMap { numbers in
                guard numbers.count == 4 else { return nil }
                return RateBook.Report(
                    key: RateKey(high: numbers[0], low: numbers[1]), events: Self.count(Int(clamping: numbers[2])),
                    bytes: Self.count(Int(clamping: numbers[3])))
            }
        }
        set {
            rates =
                newValue.isEmpty
                ? nil
                : newValue.map {
                    [$0.key.high, $0.key.low, UInt64(clamping: $0.events), UInt64(clamping: $0.bytes)]
                }
        }
    }
}
