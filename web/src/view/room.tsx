//! The call: who is here, what one may do, and the bar with the own microphone.

import type { Room } from "../room";
import { roomTitle, text } from "../text";
import type { Props } from "./app";
import { Controls } from "./controls";
import { Dialogs } from "./dialog";
import { Icon } from "./icon";
import { Notices } from "./notice";
import { RosterList, Speakers } from "./roster";

export function RoomPage({ room, ...props }: Props & { room: Room }) {
  const { state, dispatch } = props;
  const count = room.entries.length;
  return (
    <>
      <main class="room" data-testid="room" data-audio={room.audio}>
        <div class="room-head">
          <h1 id="title" tabIndex={-1}>
            {roomTitle(state.language, room.welcome)}
          </h1>
          <p class="room-facts">
            <span data-testid="count">{text(state.language, count === 1 ? "room.people.one" : "room.people.other", { count })}</span>
            {room.quality && room.audio === "connected" && (
              <span class={`quality quality-${room.quality}`} data-testid="quality">
                {text(state.language, `quality.${room.quality}`)}
              </span>
            )}
          </p>
        </div>
        <Notices {...props} room={room} />
        <section class="roster-region" aria-labelledby="roster">
          <div class="roster-head">
            <h2 id="roster" tabIndex={-1}>{text(state.language, "room.roster")}</h2>
            {room.welcome.role === "moderator" && (
              <button
                type="button"
                class="quiet danger"
                data-testid="end"
                onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "end" } })}
              >
                <Icon name="hang-up" />
                {text(state.language, "room.end")}
              </button>
            )}
          </div>
          <Speakers language={state.language} room={room} />
          <RosterList {...props} room={room} />
          {count === 1 && <p class="alone">{text(state.language, state.company ? "room.alone.again" : "room.alone")}</p>}
        </section>
      </main>
      <Controls {...props} room={room} />
      <Dialogs {...props} room={room} />
    </>
  );
}
