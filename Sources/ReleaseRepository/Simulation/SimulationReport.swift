import Presentation
import Rollout

extension RolloutSimulation {
    /// The simulation for people: a table, a plot of the hosts over time, and what a halt stops.
    ///
    /// - Parameters:
    ///   - width: columns of the plot.
    ///   - height: lines of the plot.
    public func text(width: Int = 64, height: Int = 12) -> [String] {
        var lines = [
            "\(HumanText.count(parameters.hosts, "host")), each looking every "
                + "\(DurationText.format(parameters.pollInterval)), failure rate "
                + "\(HumanText.fixed(parameters.failureRate * 100, digits: 1)) %"
        ]
        var rows = TextTable([
            ("after", .right), ("taken", .right), ("of fleet", .right), ("failed", .right), ("", .left),
        ])
        for sample in table {
            let isHalt = sample.time == parameters.halt
            rows.add(
                Self.clock(sample.time),
                HumanText.grouped(UInt64(sample.taken)),
                HumanText.fixed(100 * Double(sample.taken) / Double(parameters.hosts), digits: 1) + " %",
                HumanText.grouped(UInt64(sample.failed)),
                isHalt ? "withdrawn" : marks.dropLast().contains(sample.time) ? "a wave starts" : ""
            )
        }
        lines += rows.lines() + [""] + plot(width: max(8, width), height: max(2, height))
        if parameters.halt != nil {
            let spared = parameters.hosts - events.count
            lines += ["", "withdrawing it spares \(HumanText.count(spared, "host"))"]
        }
        return lines
    }

    /// Days, hours and minutes: `2 d 04:30`.
    static func clock(_ seconds: Int64) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(seconds / 86_400) d \(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60))"
    }

    /// The last moment that a plot shows.
    private var plotEnd: Int64 { max(1, marks.last ?? 0, events.last?.time ?? 0, parameters.halt ?? 0) }

    private func plot(width: Int, height: Int) -> [String] {
        let end = plotEnd
        let columns = samples(at: (0..<width).map { end * Int64($0 + 1) / Int64(width) })
        var lines: [String] = []
        for row in stride(from: height, to: 0, by: -1) {
            let label = row == height ? "100 % |" : row == (height + 1) / 2 ? " 50 % |" : "      |"
            var line = label
            for column in columns {
                // A host that has come at all is seen.
                let level = (column.taken * height + parameters.hosts - 1) / parameters.hosts
                line += level >= row ? "#" : " "
            }
            while line.last == " " { line.removeLast() }
            lines.append(line)
        }
        lines.append("  0 % +" + String(repeating: "-", count: width))
        let right = Self.clock(end)
        lines.append("       0" + String(repeating: " ", count: max(1, width - 1 - right.count)) + right)
        return lines
    }

    /// The simulation as a picture: SVG, complete in itself.
    public func svg() -> String {
        let (width, height, left, top) = (720, 360, 60, 20)
        let end = plotEnd
        func x(_ time: Int64) -> String {
            HumanText.fixed(Double(left) + Double(time) / Double(end) * Double(width), digits: 1)
        }
        func y(_ hosts: Int) -> String {
            HumanText.fixed(
                Double(top) + (1 - Double(hosts) / Double(parameters.hosts)) * Double(height),
                digits: 1
            )
        }
        let points = samples(at: (0...width).map { end * Int64($0) / Int64(width) })
        func line(_ value: (Sample) -> Int, _ color: String) -> String {
            let path = points.map { "\(x($0.time)),\(y(value($0)))" }.joined(separator: " ")
            return "<polyline fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\" points=\"\(path)\"/>\n"
        }
        var text = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 430" font-family="sans-serif" font-size="12">
            <rect width="800" height="430" fill="white"/>

            """
        for percent in [0, 25, 50, 75, 100] {
            let place = y(parameters.hosts * percent / 100)
            text += """
                <line x1="\(left)" x2="\(left + width)" y1="\(place)" y2="\(place)" stroke="#ddd"/>
                <text x="\(left - 6)" y="\(place)" text-anchor="end">\(percent) %</text>

                """
        }
        for mark in marks + [end] {
            text += """
                <line x1="\(x(mark))" x2="\(x(mark))" y1="\(top)" y2="\(top + height)" stroke="#bbb" stroke-dasharray="3"/>

                """
        }
        if let halt = parameters.halt {
            text +=
                "<line x1=\"\(x(halt))\" x2=\"\(x(halt))\" y1=\"\(top)\" y2=\"\(top + height)\" stroke=\"#c00\"/>\n"
        }
        text += line(\.taken, "#06c") + line(\.failed, "#c00")
        return text + """
            <text x="\(left)" y="\(top + height + 20)">0</text>
            <text x="\(left + width)" y="\(top + height + 20)" text-anchor="end">\(Self.clock(end))</text>
            <text x="\(left)" y="\(top + height + 38)">\(parameters.hosts) hosts: blue have taken the release, red failed</text>
            </svg>

            """
    }
}
