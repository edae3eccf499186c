// Part of socketio-server, MIT licence; see LICENSE.

internal import Foundation

/// Puts reports where the user wants them.
enum ReportOutput {
    static func write(_ report: some Encodable, text: String, asJSON: Bool, file: String?) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(report)
        print(asJSON ? String(decoding: data, as: UTF8.self) : text)
        guard let file else { return }
        do {
            try data.write(to: URL(fileURLWithPath: file))
        } catch {
            throw LoadFailure("--output \(file): \(error.localizedDescription)")
        }
    }
}
