//! The call: who is here, what one may do, and the bar with the own microphone.

import { ownQuality } from "../quality";
import { leads, type Room } from "../room";
import { isInside } from "../roster";
import { roomTitle, text } from "../text";
import type { Props } from "./app";
import { Controls } from "./controls";
import { Dialogs } from "./dialog";
import { Icon } from "./icon";
import { Lead } from "./lead";
import { Notices } from "./notice";
import { Floor, RosterList, Speakers } from "./roster";
import { Alarm, WaitingList } from "./waiting";
import { WritingRegion } from "./writing";

export function RoomPage({ room, ...props }: Props & { room: Room }) {
  const { state, dispatch } = props;
  const count = room.entries.filter(isInside).length;
  const led = leads(room);
  const quality = ownQuality(room);
  return (
    <>
      <main class="room" data-testid="room" data-audio={room.audio}>
        <div class="room-head">
          <h1 id="title" tabIndex={-1}>
            {roomTitle(state.language, room.welcome)}
          </h1>
          <p class="room-facts">
            <span data-testid="count">{text(state.language, count === 1 ? "room.people.one" : "room.people.other", { count })}</span>
            {quality && room.audio === "connected" && (
              <span class={`quality quality-${quality}`} data-testid="quality">
                {text(state.language, `quality.${quality}`)}
              </span>
            )}
            {room.state.locked && (
              <span class="fact" data-testid="locked">
                <Icon name="lock" />
                {text(state.language, "room.locked")}
              </span>
            )}
            <button
              type="button"
              class="fact-button"
              data-testid="protocol"
              onClick={() => dispatch({ type: "dialog-opened", dialog: { name: "protocol" } })}
            >
              {text(state.language, "protocol.title")}
            </button>
          </p>
        </div>
        <Notices {...props} room={room} />
        {led && <Alarm {...props} room={room} />}
        {led && <WaitingList {...props} room={room} />}
        <WritingRegion {...props} room={room} />
        <section class="roster-region" aria-labelledby="roster">
          <div class="roster-head">
            <h2 id="roster" tabIndex={-1}>{text(state.language, "room.roster")}</h2>
            {led && <Lead {...props} room={room} />}
          </div>
          <Speakers language={state.language} room={room} />
          <Floor language={state.language} room={room} />
          <RosterList {...props} room={room} />
          {count === 1 && <p class="alone">{text(state.language, state.company ? "room.alone.again" : "room.alone")}</p>}
        </section>
      </main>
      <Controls {...props} room={room} />
      <Dialogs {...props} room={room} />
    </>
  );
}
