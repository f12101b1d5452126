import { useId } from "preact/hooks";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { Field, Form } from "./form.tsx";
import { Shown, useAsked } from "./use-asked.tsx";
import { useDoor } from "./who.ts";

// As the server knows them; each by the name that it gives itself.
const NETWORKS = {
  instagram: "Instagram",
  facebook: "Facebook",
  soundcloud: "SoundCloud",
  mixcloud: "Mixcloud",
  spotify: "Spotify",
  youtube: "YouTube",
  tiktok: "TikTok",
  bluesky: "Bluesky",
  mastodon: "Mastodon",
  discord: "Discord",
} as const;

/** What a DJ tells of themselves on `/dj/{slug}`. */
export function ProfilePart() {
  const door = useDoor();
  const asked = useAsked(() => door.api.profile());
  const bio = useId();
  const say = words(account);

  const save = async (values: Record<string, string>) => {
    const address = (name: string) => values[name]?.trim() || null;
    const links = Object.keys(NETWORKS).map((network) => [network, address(network)] as const);
    const saved = await door.api.changeProfile({
      displayName: values.displayName,
      bio: values.bio ?? "",
      genres: (values.genres ?? "")
        .split(",")
        .map((one) => one.trim())
        .filter(Boolean),
      website: address("website"),
      avatarUrl: address("avatarUrl"),
      socialLinks: Object.fromEntries(links.filter(([, url]) => url !== null)),
    });
    asked.set(saved);
    const { who } = door;
    if (who.kind === "in") {
      const { displayName, slug } = saved;
      door.set({ kind: "in", user: { ...who.user, displayName, slug } });
    }
    return say.saved;
  };

  return (
    <Shown asked={asked}>
      {(profile) => (
        <section class="card">
          <Form action={say.save} onSend={save}>
            <Field
              name="displayName"
              label={say.name}
              hint={say.displayNameHint}
              value={profile.displayName}
              minLength={2}
              maxLength={100}
            />
            <div class="field">
              <label for={bio}>{say.bio}</label>
              <textarea id={bio} name="bio" rows={4} maxLength={2_000} defaultValue={profile.bio} />
            </div>
            <Field
              name="genres"
              label={say.genres}
              hint={say.genresHint}
              value={profile.genres.join(", ")}
              placeholder="Blues, R&B, Lyrical"
              optional
            />
            <Field
              name="website"
              type="url"
              label={say.website}
              value={profile.website ?? ""}
              optional
            />
            <Field
              name="avatarUrl"
              type="url"
              label={say.avatar}
              hint={say.addressHint}
              value={profile.avatarUrl ?? ""}
              optional
            />
            <fieldset class="networks">
              <legend>{say.links}</legend>
              {Object.entries(NETWORKS).map(([network, name]) => (
                <Field
                  key={network}
                  name={network}
                  type="url"
                  label={name}
                  value={profile.socialLinks[network] ?? ""}
                  optional
                />
              ))}
            </fieldset>
          </Form>
          <p>
            <a class="button plain small" href={`/dj/${encodeURIComponent(profile.slug)}`}>
              {say.publicPage}
            </a>
          </p>
        </section>
      )}
    </Shown>
  );
}
