// Part of socketio-server, MIT licence; see LICENSE.

/// A value for each kind of use.
package struct PerRateKind<Value> {
    package var events: Value
    package var bytes: Value
    package var joins: Value
    package var connects: Value
    package var questions: Value

    /// The same value for all kinds.
    package init(all value: Value) {
        events = value
        bytes = value
        joins = value
        connects = value
        questions = value
    }

    package subscript(kind: RateKind) -> Value {
        get {
            switch kind {
            case .events: events
            case .bytes: bytes
            case .joins: joins
            case .connects: connects
            case .questions: questions
            }
        }
        set {
            switch kind {
            case .events: events = newValue
            case .bytes: bytes = newValue
            case .joins: joins = newValue
            case .connects: connects = newValue
            case .questions: questions = newValue
            }
        }
    }
}

extension PerRateKind: Equatable where Value: Equatable {}
extension PerRateKind: Hashable where Value: Hashable {}
extension PerRateKind: Sendable where Value: Sendable {}
