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
        let harmed = [
            good.replacing("ab", with: "ax"), good.replacing("ab", with: "a"), good.replacing("ab", with: "abc"),
            good.replacing("\"]", with: "\",1]"), good.replacing("0003", with: "000g"), String(good.dropLast()),
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
                    status: 200, headLength: head.utf8.count, bodyLength: 12, closes: true, accept: nil)
                #expect(result == .answer(answer))
                #expect(answer.totalLength == bytes.count)
            }
        }
    }

    @Test func impossibleAnswersAreRefused() {
        for head in [
            "SSH-2.0\r\n\r\n", "HTTP/1.1 x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nnothing\r\n\r\n",
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
