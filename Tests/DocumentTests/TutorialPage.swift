// Part of socketio-server, MIT licence; see LICENSE.

/// The page of the tutorial's chat.
let page = """
    <!doctype html>
    <meta charset="utf-8">
    <title>Talk</title>
    <ul id="messages"></ul>
    <form><input id="text" autofocus> <button>Send</button></form>
    <script src="https://cdn.socket.io/4.8.1/socket.io.min.js"></script>
    <script>
      const name = prompt("Your name?");
      const room = location.hash.slice(1) || "lobby";
      const socket = io({ auth: { name } });
      const show = (text) => {
        const item = document.createElement("li");
        item.textContent = text;
        document.getElementById("messages").append(item);
      };
      socket.on("connect", () => socket.emit("enter", room, (messages) => {
        if (Array.isArray(messages)) messages.forEach(({ from, text }) => show(`${from}: ${text}`));
      }));
      socket.on("connect_error", (error) => show(error.message));
      socket.on("entered", (name) => show(`${name} is here`));
      socket.on("left", (name) => show(`${name} has left`));
      socket.on("message", ({ from, text }) => show(`${from}: ${text}`));
      document.querySelector("form").onsubmit = (event) => {
        event.preventDefault();
        const input = document.getElementById("text");
        socket.emit("message", room, input.value, (answer) => { if (answer?.error) show(answer.error.message); });
        input.value = "";
      };
    </script>
    """
