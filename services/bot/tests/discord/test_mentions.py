"""Mentions, threads, replies and direct messages."""

import asyncio

import pytest

from .conftest import staged, until
from .emulator.world import ChannelType, Permission
from .scripted import ANSWER, answered

pytestmark = pytest.mark.anyio


async def test_a_mention_is_answered_in_a_thread_by_editing_one_message(tmp_path):
    async with staged(tmp_path) as stage:
        asked = await stage.ada.mention(stage.channel, "How do I read a text file?")
        thread = await stage.thread_of(asked)
        message = await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        path = f"/channels/{thread['id']}/typing"
        await until(lambda: [r for r in stage.discord.requests if r.path.endswith(path)])
    assert thread["name"] == "How do I read a text file?"
    assert "[1](<https://docs.example.org/" in message["content"]
    assert len(stage.messages(thread)) == 1
    assert stage.messages() == []


async def test_a_reply_in_the_thread_continues_the_conversation(tmp_path):
    async with staged(tmp_path) as stage:
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How do I read a text file?"))
        answer = await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        bob = stage.discord.person("bob")
        await bob.say(thread, "And with an encoding?", reply_to=answer)
        await until(lambda: len(stage.messages(thread)) == 2 and "**Sources**" in stage.messages(thread)[1]["content"])
    follow_up = stage.assistant.questions[1]
    assert follow_up.text == "And with an encoding?"
    assert [turn.question for turn in follow_up.history] == ["How do I read a text file?"]


async def test_the_conversation_is_kept_over_a_restart(tmp_path):
    async with staged(tmp_path) as stage:
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "First?"))
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        await stage.frontend.stop()
        again = stage.restarted(tmp_path)
        await again.start()
        await until(lambda: again.status.state == "ready")
        await stage.ada.mention(thread, "Second?")
        await until(lambda: len(stage.messages(thread)) == 2 and "**Sources**" in stage.messages(thread)[1]["content"])
        await again.stop()
    assert [turn.question for turn in stage.assistant.questions[1].history] == ["First?"]


async def test_what_discord_hides_in_the_thread_gets_one_hint(tmp_path):
    async with staged(tmp_path) as stage:
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How do I read a text file?"))
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        await stage.ada.say(thread, "and with an encoding?")
        await until(lambda: len(stage.messages(thread)) == 2)
        await stage.ada.say(thread, "hello?")
        await asyncio.sleep(0.2)
    assert "mention me" in stage.messages(thread)[1]["content"]
    assert len(stage.messages(thread)) == 2
    assert len(stage.assistant.questions) == 1


async def test_with_the_content_intent_the_asker_need_not_mention_the_bot_in_the_thread(tmp_path):
    async with staged(tmp_path, wait_ready=False, message_content=True) as stage:
        stage.discord.world.privileged_intents = 1 << 15
        await until(lambda: stage.frontend.status.state in ("ready", "failed"))
        assert stage.frontend.status.state == "ready"
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "First?"))
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        await stage.discord.person("bob").say(thread, "I would know that.")
        await stage.ada.say(thread, "Second?")
        await until(lambda: len(stage.messages(thread)) == 2 and "**Sources**" in stage.messages(thread)[1]["content"])
    assert [question.text for question in stage.assistant.questions] == ["First?", "Second?"]


async def test_messages_that_do_not_address_the_bot_are_left_alone(tmp_path):
    async with staged(tmp_path) as stage:
        await stage.ada.say(stage.channel, "Good morning!")
        await stage.ada.say(stage.channel, "@everyone Good morning!")
        await asyncio.sleep(0.2)
        assert stage.assistant.questions == []
        assert stage.messages() == []


async def test_a_mention_without_words_gets_a_greeting(tmp_path):
    async with staged(tmp_path) as stage:
        await stage.ada.mention(stage.channel, "")
        message = await until(lambda: (stage.messages() or [None])[0])
    assert "/ask" in message["content"]
    assert stage.assistant.questions == []


async def test_a_direct_message_is_answered_where_it_was_written(tmp_path):
    async with staged(tmp_path) as stage:
        direct = stage.discord.world.add_dm(stage.ada.user)
        await stage.ada.say(direct, "How do I read a text file?")
        await stage.answer_with("**Sources**", lambda: stage.messages(direct))
        await stage.ada.say(direct, "And then?")
        await until(lambda: len(stage.messages(direct)) == 2 and "**Sources**" in stage.messages(direct)[1]["content"])
    assert [turn.question for turn in stage.assistant.questions[1].history] == ["How do I read a text file?"]


async def test_direct_messages_may_be_switched_off(tmp_path):
    async with staged(tmp_path, direct_messages=False) as stage:
        direct = stage.discord.world.add_dm(stage.ada.user)
        await stage.ada.say(direct, "How do I read a text file?")
        await stage.answer_with("I don't answer direct messages", lambda: stage.messages(direct))
        interaction = await stage.ada.slash(direct, "ask", question="How do I read a text file?")
        await until(lambda: "I don't answer direct messages" in ((interaction.response or {}).get("content") or ""))
        await stage.ada.mention(stage.channel, "In a server?")
        await until(lambda: stage.assistant.questions)
    assert [question.text for question in stage.assistant.questions] == ["In a server?"]


async def test_a_message_delivered_twice_is_answered_once(tmp_path):
    async with staged(tmp_path) as stage:
        asked = await stage.ada.mention(stage.channel, "How do I read a text file?")
        await stage.discord.gateway.dispatch_message("MESSAGE_CREATE", asked)
        thread = await stage.thread_of(asked)
        await stage.answer_with("**Sources**", lambda: stage.messages(thread))
        await stage.discord.gateway.dispatch_message("MESSAGE_CREATE", asked)
        await asyncio.sleep(0.2)
        assert len(stage.assistant.questions) == 1
        assert len(stage.messages(thread)) == 1


async def test_peoples_names_take_the_place_of_their_ids(tmp_path):
    async with staged(tmp_path) as stage:
        bob = stage.discord.person("bob")
        await stage.ada.mention(stage.channel, f"What did <@{bob.user['id']}> say about paths?")
        await until(lambda: stage.assistant.questions)
    assert stage.assistant.questions[0].text == "What did Bob say about paths?"


async def test_a_name_with_backslashes_is_a_name_like_any_other(tmp_path):
    async with staged(tmp_path) as stage:
        bob = stage.discord.person("bob")
        bob.user["global_name"] = r"¯\_(ツ)_/¯ \1 \g<0>"
        await stage.ada.mention(stage.channel, f"What did <@{bob.user['id']}> say about paths?")
        await until(lambda: stage.assistant.questions)
    assert stage.assistant.questions[0].text == r"What did ¯\_(ツ)_/¯ \1 \g<0> say about paths?"


async def test_where_history_may_not_be_read_the_answer_is_a_plain_message(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        denied = Permission.CREATE_PUBLIC_THREADS | Permission.READ_MESSAGE_HISTORY
        channel = stage.discord.world.add_channel(stage.guild, "no-history", denied=denied)
        await until(lambda: stage.frontend.status.state == "ready")
        await stage.ada.mention(channel, "How do I read a text file?")
        message = await stage.answer_with("**Sources**", lambda: stage.messages(channel))
        await stage.ada.mention(channel, "")
        await until(lambda: len(stage.messages(channel)) == 2)
    assert "message_reference" not in message
    assert not [r for r in stage.discord.requests if r.status == 403]


async def test_history_that_was_closed_unseen_leads_to_a_plain_message(tmp_path):
    async with staged(tmp_path) as stage:
        deny = str(int(Permission.CREATE_PUBLIC_THREADS | Permission.READ_MESSAGE_HISTORY))
        stage.channel["permission_overwrites"] = [{"id": stage.guild["id"], "type": 0, "allow": "0", "deny": deny}]
        await stage.ada.mention(stage.channel, "How do I read a text file?")
        await stage.answer_with("**Sources**", stage.messages)


async def test_without_thread_permissions_the_answer_is_a_reply_that_tells_admins_once(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        denied = Permission.CREATE_PUBLIC_THREADS
        channel = stage.discord.world.add_channel(stage.guild, "no-threads", denied=denied)
        await until(lambda: stage.frontend.status.state == "ready")
        asked = await stage.ada.mention(channel, "How do I read a text file?")
        message = await stage.answer_with("**Sources**", lambda: stage.messages(channel))
        await stage.ada.mention(channel, "And then?")
        await until(
            lambda: len(stage.messages(channel)) == 2 and "**Sources**" in stage.messages(channel)[1]["content"]
        )
    assert message["message_reference"]["message_id"] == asked["id"]
    assert "**Create Public Threads**" in message["content"]
    assert "An admin can change that" in message["content"]
    assert "An admin" not in stage.messages(channel)[1]["content"]
    # The permissions were looked at before anything was tried.
    assert not [r for r in stage.discord.requests if r.status == 403]


async def test_without_permission_to_write_the_asker_hears_it_in_private(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        denied = Permission.SEND_MESSAGES | Permission.CREATE_PUBLIC_THREADS
        channel = stage.discord.world.add_channel(stage.guild, "read-only", denied=denied)
        await until(lambda: stage.frontend.status.state == "ready")
        await stage.ada.mention(channel, "How do I read a text file?")
        direct = stage.discord.world.add_dm(stage.ada.user)
        message = await stage.answer_with("Send Messages", lambda: stage.messages(direct))
    assert f"<#{channel['id']}>" in message["content"]
    assert stage.messages(channel) == []
    assert stage.assistant.questions == []


async def test_permissions_that_changed_unseen_lead_to_a_reply(tmp_path):
    async with staged(tmp_path) as stage:
        deny = str(int(Permission.CREATE_PUBLIC_THREADS))
        overwrite = {"id": stage.guild["id"], "type": 0, "allow": "0", "deny": deny}
        stage.channel["permission_overwrites"] = [overwrite]  # the bot's cache does not know: 50013 from the API
        await stage.ada.mention(stage.channel, "How do I read a text file?")
        message = await stage.answer_with("**Sources**", stage.messages)
    assert "**Create Public Threads**" in message["content"]


async def test_in_a_forum_post_the_answer_is_a_reply_there(tmp_path):
    async with staged(tmp_path, wait_ready=False) as stage:
        forum = stage.discord.world.add_channel(stage.guild, "help", kind=ChannelType.FORUM)
        post = stage.discord.world.add_thread(forum, "Reading files", stage.discord.world.snowflake(), 1440)
        await until(lambda: stage.frontend.status.state == "ready")
        asked = await stage.ada.mention(post, "How do I read a text file?")
        message = await stage.answer_with("**Sources**", lambda: stage.messages(post))
    assert message["message_reference"]["message_id"] == asked["id"]


async def test_an_answer_whose_thread_is_deleted_is_given_up(tmp_path):
    async with staged(tmp_path) as stage:
        stage.assistant.script = lambda question: answered(ANSWER * 500, pause_s=0.05)  # minutes
        thread = await stage.thread_of(await stage.ada.mention(stage.channel, "How do I read a text file?"))
        await until(lambda: stage.messages(thread))
        del stage.discord.world.channels[thread["id"]]
        await until(lambda: not stage.frontend.busy)
