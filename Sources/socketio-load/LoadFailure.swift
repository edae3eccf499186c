// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// Why a run could not be made. Faults in what was delivered are no failure of the run: they are in its report.
struct LoadFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    /// A refused system call, with the text of its error number.
    static func system(_ what: String, _ number: Int32) -> LoadFailure {
        LoadFailure("\(what): \(String(cString: strerror(number)))")
    }
}
