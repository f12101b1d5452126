// Providers for the tests: one that speaks OpenID Connect, and one that speaks as GitHub does. It says `ready OIDC-PORT GITHUB-PORT`
// and ends when whoever started it is gone. Who signs in, and what then goes wrong, stands in the hint that the browser carries:
// `login_hint` is base64url of {"sub", "email", "email_verified", "name", "fault"}.
import { createHash, createHmac, generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { SignJWT, decodeJwt, exportJWK, importPKCS8, importSPKI, jwtVerify } from "jose";
import Provider from "oidc-provider";

// Whoever started this reads one line of stdout and then no more; what the library says beside goes elsewhere.
console.info = console.log = console.error;
process.stdout.on("error", () => {});

const BASE = process.env.PIKA_URL ?? "http://127.0.0.1:3001";
const back = (name) => `${BASE}/api/auth/${name}/callback`;

const pair = (kind, options) => generateKeyPairSync(kind, { ...options, publicKeyEncoding: { type: "spki", format: "pem" }, privateKeyEncoding: { type: "pkcs8", format: "pem" } });
const rsa = pair("rsa", { modulusLength: 2048 });
const ec = pair("ec", { namedCurve: "P-256" });
const foreign = pair("rsa", { modulusLength: 2048 });
const jwk = async (pem, alg, kid) => ({ ...(await exportJWK(await importPKCS8(pem, alg, { extractable: true }))), alg, kid, use: "sig" });

const listening = async (handler) => {
  const server = createServer((request, response) => handler.now(request, response));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return server.address().port;
};
const read = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return new URLSearchParams(Buffer.concat(parts).toString("utf8"));
};
const scripted = (hint) => JSON.parse(Buffer.from(hint ?? "e30", "base64url").toString("utf8"));

// OpenID Connect.
const oidc = {};
const port = await listening(oidc);
const issuer = `http://127.0.0.1:${port}`;
const people = new Map();
const client = (name, more) => ({
  client_id: name,
  client_secret: `the secret of ${name}`,
  redirect_uris: [back(name)],
  grant_types: ["authorization_code"],
  response_types: ["code"],
  ...more,
});
const provider = new Provider(issuer, {
  clients: [
    client("google"),
    client("oidc", { id_token_signed_response_alg: "ES256" }),
    client("apple", { token_endpoint_auth_method: "client_secret_post" }),
  ],
  jwks: { keys: [await jwk(rsa.privateKey, "RS256", "rsa"), await jwk(ec.privateKey, "ES256", "ec")] },
  cookies: { keys: ["only for tests"] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  scopes: ["openid", "name"],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  conformIdTokenClaims: false,
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, id) => people.has(id) && { accountId: id, claims: () => ({ ...people.get(id), fault: undefined }) },
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid email profile name");
    await grant.save();
    return grant;
  },
});

// Apple's client secret is a token signed with a team's key, of which this is the public half.
const proves = async (form) => {
  const key = await importSPKI(process.env.APPLE_PUBLIC_KEY.replaceAll("\\n", "\n"), "ES256");
  const rules = { issuer: "TEAM", subject: "apple", audience: "https://appleid.apple.com", maxTokenAge: "5 minutes" };
  const { protectedHeader } = await jwtVerify(form.get("client_secret"), key, rules);
  if (protectedHeader.kid !== "KEY") throw new Error("another key");
};

// Signs an identity token anew, spoiled.
const spoil = async (token, fault) => {
  const claims = decodeJwt(token);
  const sign = async (changed, { alg = "RS256", kid = "rsa", pem = rsa.privateKey } = {}) =>
    new SignJWT({ ...claims, ...changed }).setProtectedHeader({ alg, kid }).sign(await importPKCS8(pem, alg));
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const shared = (secret) => {
    const message = `${part({ alg: "HS256", kid: "rsa" })}.${part(claims)}`;
    return `${message}.${createHmac("sha256", secret).update(message).digest("base64url")}`;
  };
  const now = Math.floor(Date.now() / 1000);
  switch (fault) {
    case "none": return `${part({ alg: "none" })}.${part(claims)}.`;
    case "shared-with-public-key": return shared(rsa.publicKey);
    case "shared-with-secret": return shared("the secret of google");
    case "nonce": return sign({ nonce: "another" });
    case "no-nonce": return sign({ nonce: undefined });
    case "audience": return sign({ aud: "somebody-else" });
    case "two-audiences": return sign({ aud: ["google", "somebody-else"] });
    case "party": return sign({ azp: "somebody-else" });
    case "issuer": return sign({ iss: "https://accounts.example" });
    case "expired": return sign({ exp: now - 3600 });
    case "future": return sign({ iat: now + 3600, exp: now + 7200 });
    case "old": return sign({ iat: now - 3600 });
    case "foreign-key": return sign({}, { pem: foreign.privateKey });
    case "unknown-key": return sign({}, { kid: "never-seen", pem: foreign.privateKey });
    case "other-algorithm": return sign({}, { alg: "RS512" });
    case "tampered": return `${token.split(".")[0]}.${part({ ...claims, sub: "somebody-else" })}.${token.split(".")[2]}`;
    case "no-subject": return sign({ sub: undefined });
    case "garbage": return "not.a.token";
    default: return token;
  }
};

provider.use(async (ctx, next) => {
  if (ctx.path === "/token") {
    const form = await read(ctx.req);
    ctx.req.body = Object.fromEntries(form);
    if (form.get("client_id") === "apple") {
      await proves(form);
      ctx.req.body.client_secret = "the secret of apple";
    }
  }
  await next();
  if (ctx.path === "/token" && ctx.body?.id_token) {
    const { fault } = people.get(decodeJwt(ctx.body.id_token).sub) ?? {};
    if (fault === "down") [ctx.status, ctx.body] = [503, "away"];
    else if (fault === "nonsense") [ctx.type, ctx.body] = ["json", "{"];
    else if (fault === "huge") [ctx.type, ctx.body] = ["json", JSON.stringify({ x: "x".repeat(1 << 20) })];
    else if (fault === "elsewhere") ctx.redirect(`${issuer}/jwks`);
    else if (fault === "no-token") ctx.body = { ...ctx.body, id_token: undefined };
    else ctx.body = { ...ctx.body, id_token: await spoil(ctx.body.id_token, fault) };
  }
});
provider.on("server_error", (_ctx, error) => console.error(error));

const answers = provider.callback();
oidc.now = async (request, response) => {
  if (!request.url.startsWith("/interaction/")) return answers(request, response);
  const { params } = await provider.interactionDetails(request, response);
  const who = scripted(params.login_hint);
  people.set(who.sub, who);
  const result = who.fault === "cancelled" ? { error: "access_denied", error_description: "no" } : { login: { accountId: who.sub } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
};

// GitHub: no identity tokens, errors with 200, nothing for those who do not say what they are.
const github = {};
const codes = new Map();
const tokens = new Map();
github.now = async (request, response) => {
  const url = new URL(request.url, "http://127.0.0.1");
  const say = (status, body) => response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
  if (url.pathname === "/login/oauth/authorize") {
    const asked = url.searchParams;
    if (asked.get("client_id") !== "github" || asked.get("redirect_uri") !== back("github")) return say(404, { message: "Not Found" });
    const [who, code] = [scripted(asked.get("login_hint")), randomUUID()];
    codes.set(code, { who, challenge: asked.get("code_challenge") });
    const to = new URL(back("github"));
    to.searchParams.set("state", asked.get("state"));
    to.searchParams.set(...(who.fault === "cancelled" ? ["error", "access_denied"] : ["code", code]));
    return response.writeHead(302, { location: to.href }).end();
  }
  if (url.pathname === "/login/oauth/access_token") {
    const form = await read(request);
    const found = codes.get(form.get("code"));
    codes.delete(form.get("code"));
    const proof = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    if (request.headers.accept !== "application/json") return response.writeHead(200, { "content-type": "application/x-www-form-urlencoded" }).end("error=x");
    if (form.get("client_secret") !== "the secret of github") return say(200, { error: "incorrect_client_credentials", error_description: "The client_id and/or client_secret passed are incorrect.", error_uri: "https://docs.github.com/" });
    if (!found || found.challenge !== proof || found.who.fault === "refused") return say(200, { error: "bad_verification_code", error_description: "The code passed is incorrect or expired.", error_uri: "https://docs.github.com/" });
    const token = `gho_${randomUUID()}`;
    tokens.set(token, found.who);
    return say(200, { access_token: token, scope: "read:user,user:email", token_type: "bearer" });
  }
  const who = tokens.get((request.headers.authorization ?? "").replace("Bearer ", ""));
  if (!request.headers["user-agent"]) return say(403, { message: "Request forbidden by administrative rules." });
  if (!who) return say(401, { message: "Bad credentials" });
  if (who.fault === "down") return say(502, { message: "Server Error" });
  if (url.pathname === "/user") return say(200, { id: Number(who.sub), login: who.login ?? "octo", name: who.name ?? null, email: "on-the-profile@example.org" });
  const addresses = [
    { email: "old@example.org", primary: false, verified: true, visibility: null },
    { email: who.email, primary: true, verified: who.email_verified, visibility: "private" },
  ];
  if (url.pathname === "/user/emails") return say(200, addresses);
  return say(404, { message: "Not Found" });
};

process.stdout.write(`ready ${port} ${await listening(github)}\n`);
process.stdin.on("end", () => process.exit(0)).resume();
