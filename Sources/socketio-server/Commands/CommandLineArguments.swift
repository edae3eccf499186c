// Part of socketio-server, MIT licence; see LICENSE.

internal import ArgumentParser

/// What becomes of the arguments before the argument parser sees them.
enum CommandLineArguments {
    /// In front of a negative number, which the parser would take for an option. No argument of a process can begin with
    /// it and mean something else: it is a control character.
    private static let mark = "\u{1}"

    /// Arguments for the parser: `-v` is `--version`, and negative numbers among the arguments of `emit` are no options.
    static func prepared(_ arguments: [String]) -> [String] {
        if arguments == ["-v"] { return ["--version"] }
        guard arguments.first == EmitCommand.configuration.commandName else { return arguments }
        var prepared: [String] = []
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { return prepared + arguments[index...] }
            // The value of an option, which may begin with a hyphen, stays as it is.
            let isValue = index > 0 && EmitCommand.optionsWithValue.contains(arguments[index - 1])
            prepared.append(!isValue && isNegativeNumber(argument) ? mark + argument : argument)
        }
        return prepared
    }

    /// An argument as it was given.
    static func original(_ argument: String) -> String {
        argument.hasPrefix(mark) ? String(argument.dropFirst()) : argument
    }

    private static func isNegativeNumber(_ text: String) -> Bool {
        text.utf8.first == UInt8(ascii: "-") && Double(text) != nil && !text.lowercased().contains("n")
    }
}
