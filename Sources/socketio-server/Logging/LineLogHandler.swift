// Part of socketio-server, MIT licence; see LICENSE.

internal import FailureText
internal import Logging

/// Writes each log message as one line, for people or as a JSON object, to standard error.
///
/// A line is one call of `write`, so lines of different threads never mix, and nothing in a message or its metadata can
/// start a second line: control characters are escaped.
struct LineLogHandler: LogHandler {
    /// Takes finished lines, with the line feed.
    typealias Output = @Sendable (String) -> Void

    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    /// What was set on the logger itself, else what the process was told last.
    var logLevel: Logger.Level {
        get { own ?? RuntimeLogLevel.changed ?? initial }
        set { own = newValue }
    }

    private let initial: Logger.Level
    private var own: Logger.Level?
    private let label: String
    private let format: Settings.Log.Format
    private let output: Output

    init(
        label: String, level: Logger.Level, format: Settings.Log.Format,
        output: @escaping Output = StandardError.write
    ) {
        self.label = label
        self.initial = level
        self.format = format
        self.output = output
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all["error"] = .string(failureText(error)) }
        let line = LogLine(
            timestamp: Timestamp.now(), level: event.level, label: label, message: event.message.description,
            metadata: all)
        output(format == .json ? line.json : line.text)
    }
}

extension LineLogHandler {
    /// A logger set up as the settings say.
    static func logger(label: String, settings: Settings.Log) -> Logger {
        Logger(label: label) { LineLogHandler(label: $0, level: settings.level, format: settings.format) }
    }
}
