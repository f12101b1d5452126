// A mail server for the tests: says `ready PORT`, then each letter as a line of JSON. It ends when whoever started it is gone.
import { SMTPServer } from "smtp-server";

const user = process.env.SMTP_USER;
const server = new SMTPServer({
  authOptional: !user,
  disabledCommands: ["STARTTLS"],
  hideSize: true,
  size: 64 * 1024,
  allowInsecureAuth: true,
  onAuth(auth, _session, done) {
    const known = auth.username === user && auth.password === process.env.SMTP_PASSWORD;
    done(known ? null : new Error("who are you?"), known ? { user } : undefined);
  },
  onRcptTo(address, _session, done) {
    done(address.address.startsWith("refused@") ? Object.assign(new Error("no such box"), { responseCode: 550 }) : null);
  },
  onData(stream, session, done) {
    const parts = [];
    stream.on("data", (part) => parts.push(part));
    stream.on("end", () => {
      const { mailFrom, rcptTo } = session.envelope;
      const letter = { from: mailFrom.address, to: rcptTo.map((to) => to.address), text: Buffer.concat(parts).toString("utf8") };
      process.stdout.write(`${JSON.stringify(letter)}\n`);
      done();
    });
  },
});
server.on("error", (error) => console.error(error.message));
server.listen(0, "127.0.0.1", () => process.stdout.write(`ready ${server.server.address().port}\n`));
process.stdin.on("end", () => process.exit(0)).resume();
