// Part of socketio-server, MIT licence; see LICENSE.

/// The rules of one scope; a kind without a rule is not limited.
package typealias RateRules = PerRateKind<RateRule?>

extension RateRules {
    /// No rules.
    package init() { self.init(all: nil) }

    package var isEmpty: Bool { self == RateRules() }
}
