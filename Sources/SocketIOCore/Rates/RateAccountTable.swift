// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOConcurrencyHelpers
internal import NIOCore

/// The accounts of the users, or addresses, of this node's sessions. Its lock is taken when a session is first charged
/// and when it ends, never for an event.
///
/// An account without sessions stays in the table until its debt is paid, so that a client gains nothing by
/// reconnecting. There are at most ``maximumResting`` accounts more than sessions.
package final class RateAccountTable: Sendable {
    private struct Entry {
        let account: RateAccount
        var sessions = 0
    }

    private struct IdleAccount {
        let key: RateKey
        let until: UInt64
    }

    private struct State {
        var entries: [RateKey: Entry] = [:]
        var resting = CircularBuffer<IdleAccount>()
    }

    private let maximumResting: Int
    private let state = NIOLockedValueBox(State())

    /// - Parameter maximumResting: how many accounts without sessions are kept; the oldest are removed first.
    package init(maximumResting: Int = 65_536) { self.maximumResting = maximumResting }

    package var count: Int { state.withLockedValue { $0.entries.count } }

    /// The account for one more session. Each call needs a call of ``close(_:now:)``.
    package func open(_ key: RateKey, now: UInt64) -> RateAccount {
        state.withLockedValue { state in
            sweep(&state, now: now)
            var entry = state.entries[key] ?? Entry(account: RateAccount(key))
            entry.sessions += 1
            state.entries[key] = entry
            return entry.account
        }
    }

    /// A session has ended.
    package func close(_ account: RateAccount, now: UInt64) {
        state.withLockedValue { state in
            sweep(&state, now: now)
            guard var entry = state.entries[account.key], entry.account === account else { return }
            entry.sessions -= 1
            guard entry.sessions <= 0 else { return state.entries[account.key] = entry }
            let until = account.fullAt
            guard until > now else { return state.entries[account.key] = nil }
            entry.sessions = 0
            state.entries[account.key] = entry
            state.resting.append(IdleAccount(key: account.key, until: until))
        }
    }

    /// Removes accounts without debt. Each call does only a little work; the next one continues.
    private func sweep(_ state: inout State, now: UInt64) {
        for _ in 0..<4 {
            guard let first = state.resting.first, first.until <= now || state.resting.count > maximumResting else {
                return
            }
            state.resting.removeFirst()
            guard let entry = state.entries[first.key], entry.sessions == 0 else { continue }
            let until = entry.account.fullAt
            if until <= now || state.resting.count >= maximumResting {
                state.entries[first.key] = nil
            } else {
                state.resting.append(IdleAccount(key: first.key, until: until))
            }
        }
    }

    /// The accounts that have sessions.
    package func active() -> [RateAccount] {
        state.withLockedValue { $0.entries.values.filter { $0.sessions > 0 }.map(\.account) }
    }

    /// An account, if there is one.
    package func account(_ key: RateKey) -> RateAccount? { state.withLockedValue { $0.entries[key]?.account } }
}
