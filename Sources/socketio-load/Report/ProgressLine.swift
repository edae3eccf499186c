// Part of socketio-server, MIT licence; see LICENSE.

internal import Glibc

/// What a run is doing, on standard error: one line that changes on a terminal, a line a second elsewhere.
struct ProgressLine {
    private let isShown: Bool
    private let isTerminal = isatty(2) == 1
    /// Put before everything, to tell the servers of a comparison apart.
    var label = ""

    init(isShown: Bool) {
        self.isShown = isShown
    }

    func show(_ text: String) {
        guard isShown else { return }
        write(isTerminal ? "\r\u{1B}[K\(label)\(text)" : "\(label)\(text)\n")
    }

    /// Leaves the terminal's line to others.
    func end() {
        if isShown, isTerminal { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            _ = Glibc.write(2, bytes.baseAddress, bytes.count)
        }
    }
}
