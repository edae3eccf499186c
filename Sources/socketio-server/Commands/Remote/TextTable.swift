// Part of socketio-server, MIT licence; see LICENSE.

/// Rows with aligned columns, for a terminal. Control characters are escaped, because clients choose some of the texts.
struct TextTable {
    /// A column.
    struct Column {
        let title: String
        var isNumber = false
    }

    let columns: [Column]
    var rows: [[String]] = []

    init(_ columns: Column...) { self.columns = columns }

    /// The titles and the rows, each with a line end.
    var text: String {
        let lines = ([columns.map(\.title)] + rows).map { $0.map { $0.escapingControlCharacters() } }
        let widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let space = String(repeating: " ", count: widths[column] - cell.count)
                line += (columns[column].isNumber ? space + cell : cell + space) + "  "
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
