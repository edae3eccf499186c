// Part of socketio-server, MIT licence; see LICENSE.

import Testing

@testable import socketio_load

@Suite struct WireTests {
    private func read<Result>(_ bytes: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        bytes.withUnsafeBufferPointer(body)
    }

    // MARK: Payloads

    @Test func stampsSurviveTheWay() {
        let stamp = MessageStamp(publisher: 0xDEAD_BEEF, sequence: 7, time: 0x0123_4567_89AB_CDEF)
        var bytes = MessageStamp.blank(size: 40)
        bytes.withUnsafeMutableBufferPointer { stamp.write(to: $0.baseAddress!) }
        #expect(String(decoding: bytes, as: UTF8.self) == "deadbeef000000070123456789abcdefabcdefgh")
        #expect(read(bytes) { MessageStamp.read($0.baseAddress!) } == stamp)
        bytes[9] = UInt8(ascii: "x")
        #expect(read(bytes) { MessageStamp.read($0.baseAddress!) } == nil)
    }

    @Test func messagesAreWhatServersExpect() {
        var bytes: [UInt8] = []
        let stamp = MessageStamp(publisher: 1, sequence: 2, time: 3)
        let text = "00000001000000020000000000000003"
        OutgoingMessage(event: "echo", namespace: "", arguments: "", size: 32).write(stamp, id: 120, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "42120[\"echo\",\"\(text)\"]")
        OutgoingMessage(event: "m\"", namespace: "/a,", arguments: "\"r\",", size: 34).write(stamp, id: nil, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "42/a,[\"m\\\"\",\"r\",\"\(text)ab\"]")
    }

    @Test(arguments: ["", "/chat,"]) func deliveriesAreReadExactly(namespace: String) {
        let reader = IncomingPacket(event: "msg", namespace: namespace, size: 34)
        let good = "42\(namespace)[\"msg\",\"00000001000000020000000000000003ab\"]"
        let stamp = MessageStamp(publisher: 1, sequence: 2, time: 3)
        #expect(read(Array(good.utf8), reader.readEvent) == .delivery(stamp))
        // As a server with connection state recovery sends it.
        let offset = good.replacing("\"]", with: "\",\"1764684800000-0\"]")
        #expect(read(Array(offset.utf8), reader.readEvent) == .delivery(stamp))
        let harmed = [
            good.replacing("ab", with: "ax"), good.replacing("ab", with: "a"), good.replacing("ab", with: "abc"),
            good.replacing("\"]", with: "\",1]"), good.replacing("\"]", with: "\",\"\"]"),
            good.replacing("\"]", with: "\",\"1\",\"2\"]"), good.replacing("0003", with: "000g"),
            String(good.dropLast()),
        ]
        for text in harmed { #expect(read(Array(text.utf8), reader.readEvent) == .damaged, "\(text)") }
        for text in ["42\(namespace)[\"hello\",1]", "42", "42/other,[\"msg\"]"] {
            #expect(read(Array(text.utf8), reader.readEvent) == .other, "\(text)")
        }
    }

    @Test func acknowledgementsAreReadExactly() {
        let reader = IncomingPacket(event: "msg", namespace: "", size: 32)
        let payload = "00000001000000020000000000000003"
        func acknowledgement(_ text: String) -> (id: UInt32, stamp: MessageStamp?)? {
            read(Array(text.utf8), reader.readAcknowledgement)
        }
        #expect(acknowledgement("4317[\"\(payload)\"]")?.id == 17)
        #expect(acknowledgement("4317[\"\(payload)\"]")?.stamp?.sequence == 2)
        for text in ["430[]", "430[true]", "430", "430[\"\(payload)"] {
            #expect(acknowledgement(text)?.id == 0, "\(text)")
            #expect(acknowledgement(text)?.stamp == nil, "\(text)")
        }
        for text in ["43", "43[1]", "4399999999999[]", "42[]"] { #expect(acknowledgement(text) == nil, "\(text)") }
    }

    // MARK: Frames

    @Test func framesAreMaskedAndMeasured() {
        for count in [0, 1, 7, 8, 9, 125, 126, 65535, 65536] {
            let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            var frame: [UInt8] = []
            payload.withUnsafeBytes { WebSocketFrame.append($0, opcode: 1, mask: 0x0403_0201, to: &frame) }
            let headLength = count < 126 ? 2 : count < 65536 ? 4 : 10
            #expect(frame[0] == 0x81)
            #expect(frame[1] & 0x80 != 0)
            #expect(frame.count == headLength + 4 + count)
            let mask = Array(frame[headLength..<headLength + 4])
            let unmasked = frame[(headLength + 4)...].enumerated().map { $1 ^ mask[$0 & 3] }
            #expect(unmasked == payload)
            // As a server sends it: without mask.
            let fromServer = [frame[0], frame[1] & 0x7F] + frame[2..<headLength] + payload
            #expect(
                read(fromServer, WebSocketFrame.readHead)
                    == .frame(.init(isFinal: true, opcode: 1, headLength: headLength, payloadLength: count)))
            for cut in 0..<headLength {
                #expect(read(Array(fromServer[..<cut]), WebSocketFrame.readHead) == .incomplete)
            }
        }
    }

    @Test func impossibleFramesAreRefused() {
        let frames: [[UInt8]] = [
            [0x81, 0x80], [0xC1, 0x01], [0x91, 0x01], [0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255],
            [0x81, 127, 0, 0, 0, 0, 4, 0, 0, 1],
        ]
        for frame in frames { #expect(read(frame, WebSocketFrame.readHead) == .invalid, "\(frame)") }
    }

    // MARK: HTTP

    @Test func answersAreReadAtEverySplit() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 12\r\nConnection: close\r\n\r\n"
        let bytes = Array((head + "0{\"sid\":\"a\"}").utf8)
        for cut in 0...bytes.count {
            let result = read(Array(bytes[..<cut]), HTTPAnswer.read)
            if cut < head.utf8.count {
                #expect(result == .incomplete)
            } else {
                let answer = HTTPAnswer(
                    status: 200, headLength: head.utf8.count, framing: .length(12), closes: true)
                #expect(result == .answer(answer))
            }
        }
    }

    @Test func headersAreFoundHoweverTheyAreWritten() {
        func answer(_ headers: String) -> HTTPAnswer.ReadResult {
            read(Array("HTTP/1.0 201\r\n\(headers)\r\n\r\n".utf8), HTTPAnswer.read)
        }
        func expected(_ headers: String, _ framing: HTTPAnswer.Framing, closes: Bool = false) -> HTTPAnswer.ReadResult {
            .answer(
                HTTPAnswer(status: 201, headLength: 18 + headers.utf8.count, framing: framing, closes: closes))
        }
        for headers in ["CONTENT-LENGTH:7", "x: y\r\ncontent-length:   7  ", "Content-Length: 007\r\nDate: 1:2"] {
            #expect(answer(headers) == expected(headers, .length(7)), "\(headers)")
        }
        for headers in ["transfer-encoding: Chunked", "Content-Length: 3\r\nTransfer-Encoding:chunked"] {
            #expect(answer(headers) == expected(headers, .chunked), "\(headers)")
        }
        #expect(answer("connection: CLOSE") == expected("connection: CLOSE", .length(0), closes: true))
        #expect(answer("Connection: keep-alive") == expected("Connection: keep-alive", .length(0)))
    }

    @Test func chunksArePutTogetherAtEverySplit() {
        let bytes = Array("5\r\nhello\r\nA;x=y\r\n 123\r\n6789\r\n0\r\nTrailer: x\r\n\r\n".utf8)
        for cut in 0..<bytes.count { #expect(read(Array(bytes[..<cut]), ChunkedBody.read) == .incomplete, "\(cut)") }
        let body = Array("hello 123\r\n6789".utf8)
        #expect(read(bytes, ChunkedBody.read) == .body(body, length: bytes.count))
        #expect(read(bytes + [1, 2], ChunkedBody.read) == .body(body, length: bytes.count))
        for text in ["x\r\n", "\r\n", "-1\r\n", "4000001\r\n", "5\r\nhellooo", "fffffffffffffffff\r\n"] {
            #expect(read(Array(text.utf8), ChunkedBody.read) == .invalid, "\(text)")
        }
    }

    @Test func pollingRequestsAreWholeRequests() throws {
        var plan = LoadPlan(mode: "polling", targets: [], parts: [])
        plan.targets = [try LoadTarget("http://127.0.0.1:1/")]
        plan.headers = ["X-A: b"]
        let requests = RequestText(plan).polling(target: 0, sessionID: "abc")
        let path = "/socket.io/?EIO=4&transport=polling&sid=abc HTTP/1.1\r\nHost: 127.0.0.1:1\r\nX-A: b\r\n"
        #expect(String(decoding: requests.get, as: UTF8.self) == "GET \(path)\r\n")
        var bytes: [UInt8] = []
        requests.appendPost(Array("42[\"echo\"]".utf8), to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "POST \(path)Content-Type: text/plain;charset=UTF-8\r\nContent-Length: 10\r\n\r\n42[\"echo\"]")
    }

    @Test func impossibleAnswersAreRefused() {
        for head in [
            "SSH-2.0\r\n\r\n", "HTTP/1.1 x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nnothing\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        ] {
            guard case .invalid = read(Array(head.utf8), HTTPAnswer.read) else {
                Issue.record("\(head) was accepted")
                continue
            }
        }
        let endless = [UInt8](repeating: UInt8(ascii: "a"), count: HTTPAnswer.headLimit + 1)
        #expect(read(endless, HTTPAnswer.read) == .invalid("the head of the answer does not end"))
    }
}
